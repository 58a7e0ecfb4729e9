import { clusterBootstrap } from "../metrics/cluster_bootstrap.ts";
import type { ArmName, ScoredCell } from "./evaluated_cell.ts";

/** The score of one arm on one task, by the names that JSON gives it. */
export interface ResultRow extends ArmName {
  /** The task. */
  readonly task: string;
  /** Mean score of its rows, in [0, 1]. */
  readonly score: number;
  /** Rows. */
  readonly n: number;
  /** Lower end of the score's 95 % interval (bootstrap by context). */
  readonly ci_low: number;
  /** Upper end of the score's interval. */
  readonly ci_high: number;
}

/** Averages cells by arm and task, in the order in which these first appear. */
export function resultRows(cells: readonly ScoredCell[]): ResultRow[] {
  return byArmAndTask(cells).map((own) => {
    const { mean, low, high } = clusterBootstrap(byContext(own, ({ score }) => score));
    const { policy, compression_ratio, task } = own[0];
    return { policy, compression_ratio, task, score: mean, n: own.length, ci_low: low, ci_high: high };
  });
}

/** The cells of each arm and task. */
export function byArmAndTask(cells: readonly ScoredCell[]): ScoredCell[][] {
  return [...Map.groupBy(cells, (cell) => JSON.stringify([cell.policy, cell.compression_ratio, cell.task])).values()];
}

/** A number of each cell, by context. */
export function byContext(cells: readonly ScoredCell[], value: (cell: ScoredCell) => number): number[][] {
  return [...Map.groupBy(cells, ({ context }) => context).values()].map((own) => own.map(value));
}
