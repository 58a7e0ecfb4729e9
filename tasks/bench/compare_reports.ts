import { findRow } from "./bench_report.ts";
import type { BenchRow } from "./measurement.ts";
import { isOwn } from "./own_system.ts";

/** The peer that rows are held against: it is measured wherever this benchmark runs. */
export const YARDSTICK = "transformers.js";

/** A row of this project in two runs, each as a multiple of the peer's row of the same run. */
export interface Comparison {
  readonly system: string;
  readonly metric: string;
  readonly context: number;
  /** The peer's metric that it is held against. */
  readonly yardstick: string;
  /** How many times as long (or as many bytes) it takes now as it took then: above 1 is worse. */
  readonly ratio: number;
  /** The spread of both runs, as a factor: a ratio within it says nothing. */
  readonly spread: number;
  readonly slower: boolean;
}

/** What two runs say of each other. */
export interface Comparisons {
  readonly compared: readonly Comparison[];
  /** Rows of this project that are in both runs and that no peer's row can be held against. */
  readonly uncompared: readonly BenchRow[];
}

/**
 * Compares runs, of different machines too: times are divided by a peer's of the same run first. A row counts as slower
 * if its ratio is beyond the spread of own and peer's rounds in both runs, their relative half widths added in quadrature.
 *
 * @param then rows of an earlier run
 * @param now rows of a later one
 */
export function compareReports(then: readonly BenchRow[], now: readonly BenchRow[]): Comparisons {
  const compared: Comparison[] = [];
  const uncompared: BenchRow[] = [];
  for (const row of now.filter(({ system }) => isOwn(system))) {
    const { system, metric, context } = row;
    const earlier = findRow(then, system, metric, context);
    if (earlier === undefined) continue;
    const yardstick = metric.startsWith("decode_evicted_") ? "decode" : metric;
    const peers = [then, now].map((rows) => findRow(rows, YARDSTICK, yardstick, context));
    const [peerThen, peerNow] = peers;
    if (peerThen === undefined || peerNow === undefined) {
      uncompared.push(row);
      continue;
    }
    const ratio = (cost(row) / cost(peerNow)) / (cost(earlier) / cost(peerThen));
    const spread = 1 + Math.hypot(...[row, earlier, peerThen, peerNow].map(relativeSpread));
    compared.push({ system, metric, context, yardstick, ratio, spread, slower: ratio > spread });
  }
  return { compared, uncompared };
}

/** What less of is better. */
function cost({ value, unit }: BenchRow): number {
  return unit === "tokens/s" ? 1 / value : value;
}

function relativeSpread({ value, low, high }: BenchRow): number {
  return (high - low) / 2 / value;
}
