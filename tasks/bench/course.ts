import type { RunRows } from "./run_rows.ts";

/** What the stages of a run share. */
export interface Course {
  /** Where values go. */
  readonly rows: RunRows;
  /** Ctrl-C: processes end, and what was finished stays. */
  readonly signal: AbortSignal;
}
