import type { TaskScore } from "./task_scores.ts";

/** Rows that a gate wants, to be sure. */
export const GATE_ROWS = 50;
/** What the full cache has to score for a task to count. */
export const GATE_SCORE = 0.5;

/** Whether a task counts: only what the full cache can do can be lost by an eviction. */
export interface TaskGate {
  /** The task. */
  readonly task: string;
  /** The full cache's score, in [0, 1]. */
  readonly full_score: number;
  /** Lower end of its 95 % interval. */
  readonly ci_low: number;
  /** Upper end of its interval. */
  readonly ci_high: number;
  /** Rows. */
  readonly n: number;
  /** `open` from a score of {@linkcode GATE_SCORE} on, else `closed`; `unsure` says so of fewer than {@linkcode GATE_ROWS} rows. */
  readonly gate: "open" | "closed" | "open, unsure" | "closed, unsure";
}

/** The gate of each task, from the rows of the full cache. */
export function taskGates(results: readonly TaskScore[]): TaskGate[] {
  return results.filter(({ policy, compression_ratio }) => policy === "keep_all" && compression_ratio === 0)
    .map(({ task, score, ci_low, ci_high, n }) => {
      const gate = score >= GATE_SCORE ? "open" : "closed";
      return { task, full_score: score, ci_low, ci_high, n, gate: n < GATE_ROWS ? `${gate}, unsure` : gate };
    });
}

/** The tasks that count. */
export function openTasks(gates: readonly TaskGate[]): string[] {
  return gates.filter(({ gate }) => gate.startsWith("open")).map(({ task }) => task);
}
