import { type Displayable, shownAs } from "../../display/display.ts";
import { factsDisplay } from "../../display/facts.ts";
import { checkOptions } from "../../numeric/nearest_name.ts";
import { BOOTSTRAP_OPTIONS, type BootstrapOptions, clusterBootstrap } from "../../metrics/bootstrap.ts";
import { MersenneTwister } from "../../numeric/mersenne_twister.ts";
import type { ScoredSample } from "../run/sample.ts";
import type { SettingName } from "../run/setting.ts";
import { scoreFact, scoreInterval } from "./intervals.ts";

/** How good a choice one policy is among others at its ratio. */
export interface PolicyChoice extends SettingName {
  /** Rows that all of them answered. */
  readonly n: number;
  /** Mean score, in [0, 1]. */
  readonly score: number;
  /** Lower end of its 95 % interval (Wilson where every score is 0 or 1, else bootstrap by context). */
  readonly ci_low: number;
  /** Upper end of its interval. */
  readonly ci_high: number;
  /** The best policy's score less this one's on the same rows. */
  readonly gap_to_best: number;
  /** Lower end of its interval (paired bootstrap by context): above 0, the best one is better beyond chance. */
  readonly gap_to_best_low: number;
  /** Upper end of its interval. */
  readonly gap_to_best_high: number;
  /** How often it is the best when contexts are drawn anew, in [0, 1]; ties are shared. */
  readonly p_best: number;
}

/**
 * Which policy would one choose at a ratio, and how sure is that? Scores are means over the rows that all policies
 * answered; the best comes first.
 *
 * @param policies those to choose among
 * @throws {RangeError} if no row was answered by all of them
 */
export function policyChoice(
  samples: readonly ScoredSample[],
  compressionRatio: number,
  policies: readonly string[],
  options: BootstrapOptions = {},
): PolicyChoice[] & Displayable {
  checkOptions("policyChoice", options, BOOTSTRAP_OPTIONS);
  const { seed = 42, resamples = 2000 } = options;
  const own = policies.map((name) =>
    new Map(
      samples.filter(({ policy, compression_ratio }) => policy === name && compression_ratio === compressionRatio)
        .map((sample) => [sample.index, sample]),
    )
  );
  const shared = [...(own[0]?.values() ?? [])].filter(({ index }) => own.every((setting) => setting.has(index)));
  if (shared.length === 0) {
    throw new RangeError(`Cannot choose among ${policies.join(", ")} at ${compressionRatio} as no row has all of them`);
  }
  const contexts = [...Map.groupBy(shared, ({ context }) => context).values()].map((rows) =>
    rows.map(({ index }) => own.map((setting) => setting.get(index)!.score))
  );
  const shares = winProbabilities(contexts, seed, resamples);
  const means = own.map((setting) => scoreInterval(shared.map(({ index }) => setting.get(index)!)));
  const best = means.reduce((most, { mean }, setting) => mean > means[most].mean ? setting : most, 0);
  const choices = policies.map((policy, setting): PolicyChoice => {
    const gapToBest = clusterBootstrap(contexts.map((rows) => rows.map((scores) => scores[best] - scores[setting])));
    return {
      policy,
      compression_ratio: compressionRatio,
      n: shared.length,
      score: means[setting].mean,
      ci_low: means[setting].low,
      ci_high: means[setting].high,
      gap_to_best: gapToBest.mean,
      gap_to_best_low: gapToBest.low,
      gap_to_best_high: gapToBest.high,
      p_best: shares[setting],
    };
  }).sort((one, other) => other.score - one.score);
  const facts = choices.map((choice) => {
    const [name, score] = scoreFact(choice);
    return [name, `${score}, the best with probability ${choice.p_best.toFixed(2)}`] as const;
  });
  return shownAs(choices, () => factsDisplay({ name: "Policies, best first", facts }));
}

/** For each policy the share of resamples in which its sum is the highest. */
function winProbabilities(
  contexts: readonly (readonly (readonly number[])[])[],
  seed: number,
  resamples: number,
): number[] {
  const settings = contexts[0][0].length;
  const sums = contexts.map((rows) =>
    Array.from({ length: settings }, (_, setting) => rows.reduce((sum, scores) => sum + scores[setting], 0))
  );
  const stream = new MersenneTwister(seed);
  const wins = new Array<number>(settings).fill(0);
  for (let resample = 0; resample < resamples; resample++) {
    const totals = new Float64Array(settings);
    for (let draw = 0; draw < sums.length; draw++) {
      const context = sums[Math.floor(stream.random() * sums.length)];
      for (let setting = 0; setting < settings; setting++) totals[setting] += context[setting];
    }
    const highest = Math.max(...totals) - 1e-9;
    const first = [...totals.keys()].filter((setting) => totals[setting] >= highest);
    for (const setting of first) wins[setting] += 1 / first.length;
  }
  return wins.map((count) => count / resamples);
}

/**
 * The policies that answered every row that any policy answered at a ratio, in the order of the samples: those that may be
 * compared over all of these rows.
 */
export function fullyAsked(samples: readonly ScoredSample[], compressionRatio: number): string[] {
  const own = samples.filter(({ compression_ratio }) => compression_ratio === compressionRatio);
  const rows = new Set(own.map(({ index }) => index));
  return [...Map.groupBy(own, ({ policy }) => policy)]
    .filter(([, asked]) => new Set(asked.map(({ index }) => index)).size === rows.size)
    .map(([policy]) => policy);
}
