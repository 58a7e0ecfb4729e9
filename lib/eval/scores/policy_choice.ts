import { type BootstrapOptions, clusterBootstrap } from "../../metrics/bootstrap.ts";
import { MersenneTwister } from "../../numeric/mersenne_twister.ts";
import type { ScoredCell } from "../run/sample.ts";
import type { ArmName } from "../run/setting.ts";

/** How good a choice one policy is among others at its ratio. */
export interface PolicyChoice extends ArmName {
  /** Rows that all of them answered. */
  readonly n: number;
  /** Mean score, in [0, 1]. */
  readonly score: number;
  /** Lower end of its 95 % interval (bootstrap by context). */
  readonly ci_low: number;
  /** Upper end of its interval. */
  readonly ci_high: number;
  /** The best policy's score less this one's on the same rows. */
  readonly behind: number;
  /** Lower end of its interval (paired bootstrap by context): above 0, the best one is better beyond chance. */
  readonly behind_low: number;
  /** Upper end of its interval. */
  readonly behind_high: number;
  /** How often it is the best when contexts are drawn anew, in [0, 1]; ties are shared. */
  readonly best_share: number;
}

/**
 * Which policy would one choose at a ratio, and how sure is that? Scores are means over the rows that all policies
 * answered; the best comes first.
 *
 * @param policies those to choose among
 * @throws {RangeError} if no row was answered by all of them
 */
export function policyChoice(
  cells: readonly ScoredCell[],
  compressionRatio: number,
  policies: readonly string[],
  { seed = 42, resamples = 2000 }: BootstrapOptions = {},
): PolicyChoice[] {
  const own = policies.map((name) =>
    new Map(
      cells.filter(({ policy, compression_ratio }) => policy === name && compression_ratio === compressionRatio)
        .map((cell) => [cell.index, cell]),
    )
  );
  const shared = [...(own[0]?.values() ?? [])].filter(({ index }) => own.every((arm) => arm.has(index)));
  if (shared.length === 0) {
    throw new RangeError(`Cannot choose among ${policies.join(", ")} at ${compressionRatio} as no row has all of them`);
  }
  const contexts = [...Map.groupBy(shared, ({ context }) => context).values()].map((rows) =>
    rows.map(({ index }) => own.map((arm) => arm.get(index)!.score))
  );
  const shares = bestShares(contexts, seed, resamples);
  const means = policies.map((_, arm) => clusterBootstrap(contexts.map((rows) => rows.map((scores) => scores[arm]))));
  const best = means.reduce((most, { mean }, arm) => mean > means[most].mean ? arm : most, 0);
  return policies.map((policy, arm) => {
    const behind = clusterBootstrap(contexts.map((rows) => rows.map((scores) => scores[best] - scores[arm])));
    return {
      policy,
      compression_ratio: compressionRatio,
      n: shared.length,
      score: means[arm].mean,
      ci_low: means[arm].low,
      ci_high: means[arm].high,
      behind: behind.mean,
      behind_low: behind.low,
      behind_high: behind.high,
      best_share: shares[arm],
    };
  }).sort((one, other) => other.score - one.score);
}

/** For each arm the share of resamples in which its sum is the highest. */
function bestShares(contexts: readonly (readonly (readonly number[])[])[], seed: number, resamples: number): number[] {
  const arms = contexts[0][0].length;
  const sums = contexts.map((rows) =>
    Array.from({ length: arms }, (_, arm) => rows.reduce((sum, scores) => sum + scores[arm], 0))
  );
  const stream = new MersenneTwister(seed);
  const wins = new Array<number>(arms).fill(0);
  for (let resample = 0; resample < resamples; resample++) {
    const totals = new Float64Array(arms);
    for (let draw = 0; draw < sums.length; draw++) {
      const context = sums[Math.floor(stream.random() * sums.length)];
      for (let arm = 0; arm < arms; arm++) totals[arm] += context[arm];
    }
    const highest = Math.max(...totals) - 1e-9;
    const first = [...totals.keys()].filter((arm) => totals[arm] >= highest);
    for (const arm of first) wins[arm] += 1 / first.length;
  }
  return wins.map((count) => count / resamples);
}

/**
 * The policies that answered every row that any policy answered at a ratio, in the order of the cells: those that may be
 * compared over all of these rows.
 */
export function fullyAsked(cells: readonly ScoredCell[], compressionRatio: number): string[] {
  const own = cells.filter(({ compression_ratio }) => compression_ratio === compressionRatio);
  const rows = new Set(own.map(({ index }) => index));
  return [...Map.groupBy(own, ({ policy }) => policy)]
    .filter(([, asked]) => new Set(asked.map(({ index }) => index)).size === rows.size)
    .map(([policy]) => policy);
}
