import { linearTrend } from "../metrics/linear_trend.ts";
import type { StreamRow } from "./stream_text.ts";

/** How a stream's memory and time go with the tokens read, by the names that JSON gives it. */
export interface StreamTrend {
  /** Rise of the process's resident memory, in bytes a token. */
  readonly resident_bytes_per_token: number;
  /** Its standard error. */
  readonly standard_error: number;
  /** Time of a token in the first tenth of the stretches, in ms. */
  readonly ms_per_token_first_tenth: number;
  /** The same in the last tenth. */
  readonly ms_per_token_last_tenth: number;
}

/**
 * Does a stream get larger or slower as it goes on? A line through resident memory, and the first tenth beside the last.
 *
 * @param rows stretches once the cache is full
 * @throws {RangeError} if there are fewer than three
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { streamTrend } from "kvmirror/eval";
 *
 * const stretch = { loss: 3, peak_live_bytes: 64, peak_allocated_bytes: 64, resident_bytes: 900 };
 * const rows = [100, 200, 300].map((tokens) => ({ ...stretch, tokens, ms_per_token: tokens / 100 }));
 * assertEquals(streamTrend(rows), {
 *   resident_bytes_per_token: 0, standard_error: 0, ms_per_token_first_tenth: 1, ms_per_token_last_tenth: 3 });
 * ```
 */
export function streamTrend(rows: readonly StreamRow[]): StreamTrend {
  const { slope, standardError } = linearTrend(
    rows.map(({ tokens }) => tokens),
    rows.map(({ resident_bytes }) => resident_bytes),
  );
  const tenth = Math.ceil(rows.length / 10);
  const time = (own: readonly StreamRow[]) => own.reduce((sum, row) => sum + row.ms_per_token, 0) / own.length;
  return {
    resident_bytes_per_token: slope,
    standard_error: standardError,
    ms_per_token_first_tenth: time(rows.slice(0, tenth)),
    ms_per_token_last_tenth: time(rows.slice(-tenth)),
  };
}
