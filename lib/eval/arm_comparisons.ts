import { clusterBootstrap, type MeanInterval } from "../metrics/cluster_bootstrap.ts";
import type { ArmName, ScoredCell } from "./evaluated_cell.ts";
import { byContext } from "./result_rows.ts";

/** The arms that others are held to, beside the full cache. */
export const FLOORS: readonly string[] = ["random", "streaming_llm"];

/** One arm over several tasks, beside the full cache, the floors and the oracle on the same rows. */
export interface ArmComparison extends ArmName {
  /** Rows. */
  readonly n: number;
  /** Mean score, in [0, 1], and its 95 % interval (bootstrap by context). */
  readonly score: number;
  /** Lower end of the score's interval. */
  readonly ci_low: number;
  /** Upper end of the score's interval. */
  readonly ci_high: number;
  /** Score less the full cache's on the same rows, and its interval (paired bootstrap by context). */
  readonly difference: number;
  /** Lower end of the difference's interval. */
  readonly difference_low: number;
  /** Upper end of the difference's interval. */
  readonly difference_high: number;
  /**
   * How far it is from the better floor (0) to the oracle (1) at the same ratio; null where one of them is missing, or
   * the oracle is not above the floor.
   */
  readonly oracle_gap_closed: number | null;
  /** Mean divergence from the full cache, in nats a token of its answer. */
  readonly kl: number;
  /** Share of those tokens that are the likeliest here too. */
  readonly top1_agreement: number;
  /** Mean tokens of an answer. */
  readonly answer_tokens: number;
  /** Mean cache bytes after the eviction. */
  readonly live_bytes: number;
}

/**
 * Compares arms over the rows of some tasks. An arm is held to the others on the rows that both have.
 *
 * @param tasks those that count
 */
export function armComparisons(cells: readonly ScoredCell[], tasks: readonly string[]): ArmComparison[] {
  const counted = cells.filter(({ task }) => tasks.includes(task));
  const arms = Map.groupBy(counted, armKey);
  const full = arms.get(armKey({ policy: "keep_all", compression_ratio: 0 })) ?? [];
  return [...arms.values()].map((own) => {
    const { policy, compression_ratio } = own[0];
    const at = (name: string) => arms.get(armKey({ policy: name, compression_ratio })) ?? [];
    const score = clusterBootstrap(byContext(own, (cell) => cell.score));
    const difference = pairedDifference(own, full);
    const floors = FLOORS.map((name) => pairedDifference(own, at(name)).mean);
    const mean = (value: (cell: ScoredCell) => number) => average(own.map(value));
    return {
      policy,
      compression_ratio,
      n: own.length,
      score: score.mean,
      ci_low: score.low,
      ci_high: score.high,
      difference: difference.mean,
      difference_low: difference.low,
      difference_high: difference.high,
      oracle_gap_closed: gapClosed(Math.min(...floors), pairedDifference(own, at("oracle")).mean),
      kl: mean(({ kl }) => average(kl)),
      top1_agreement: mean(({ agreement }) => average(agreement)),
      answer_tokens: mean((cell) => cell.answer_tokens),
      live_bytes: mean((cell) => cell.live_bytes),
    };
  });
}

/** Of the way from the floor to the oracle, the share that is done: both are given as the arm's score less theirs. */
function gapClosed(overFloor: number, overOracle: number): number | null {
  const gap = overFloor - overOracle;
  return gap > 0 ? overFloor / gap : null;
}

/** Own scores less another arm's, by context; NaN where no row has both. */
export function pairedDifference(own: readonly ScoredCell[], other: readonly ScoredCell[]): MeanInterval {
  const others = new Map(other.map(({ index, score }) => [index, score]));
  const paired = own.filter(({ index }) => others.has(index));
  if (paired.length === 0) return { mean: NaN, low: NaN, high: NaN };
  return clusterBootstrap(byContext(paired, ({ index, score }) => score - others.get(index)!));
}

function armKey({ policy, compression_ratio }: ArmName): string {
  return JSON.stringify([policy, compression_ratio]);
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
