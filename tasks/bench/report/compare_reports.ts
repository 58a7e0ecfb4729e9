import { type BenchRow, findRow, isLoss, isOwn } from "../plan/bench_result.ts";

/**
 * Peers that rows are held against, the first that both runs measured: transformers.js is there wherever this benchmark
 * runs, kvpress has studies, and the original simulates.
 */
export const YARDSTICKS: readonly string[] = ["transformers.js", "kvpress", "original (Python)"];

/** Medians of one engine on a quiet machine differ by so much from hour to hour. */
const LEAST_SPREAD = 1.05;

/** A row of this project in two runs, each as a multiple of the peer's row of the same run. */
export interface Comparison {
  readonly system: string;
  readonly metric: string;
  readonly context: number;
  /** The peer's row that it is held against: `transformers.js, decode`. */
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
  /** Rows of this project that the earlier run lacks. */
  readonly added: readonly BenchRow[];
  /** Rows of this project that the later run lacks. */
  readonly missing: readonly BenchRow[];
}

/**
 * Compares runs, of different machines too: times are divided by a peer's of the same run first. A row counts as slower
 * if its ratio is beyond the spread of own and peer's rounds in both runs, their relative half widths added in quadrature,
 * and beyond what hours differ by.
 *
 * @param then rows of an earlier run
 * @param now rows of a later one
 */
export function compareReports(then: readonly BenchRow[], now: readonly BenchRow[]): Comparisons {
  const compared: Comparison[] = [];
  const uncompared: BenchRow[] = [];
  const [ownThen, ownNow] = [then, now].map((rows) => rows.filter(({ system }) => isOwn(system)));
  const lacks = (rows: readonly BenchRow[]) => ({ system, metric, context }: BenchRow) =>
    findRow(rows, system, metric, context) === undefined;
  for (const row of ownNow) {
    const { system, metric, context } = row;
    const earlier = findRow(then, system, metric, context);
    if (earlier === undefined) continue;
    const yardstick = yardstickOf(metric);
    const peers = isLoss(metric)
      ? undefined
      : YARDSTICKS.map((peer) => [then, now].map((rows) => findRow(rows, peer, yardstick, context)))
        .find((rows): rows is BenchRow[] => rows.every((row) => row !== undefined));
    if (peers === undefined) {
      uncompared.push(row);
      continue;
    }
    const [peerThen, peerNow] = peers;
    const ratio = (cost(row) / cost(peerNow)) / (cost(earlier) / cost(peerThen));
    const spread = Math.max(LEAST_SPREAD, 1 + Math.hypot(...[row, earlier, peerThen, peerNow].map(relativeSpread)));
    const against = `${peerNow.system}, ${yardstick}`;
    compared.push({ system, metric, context, yardstick: against, ratio, spread, slower: ratio > spread });
  }
  return { compared, uncompared, added: ownNow.filter(lacks(then)), missing: ownThen.filter(lacks(now)) };
}

/** The peer's metric that a metric is held against: peers evict nothing, bound and build nothing, and have one study. */
function yardstickOf(metric: string): string {
  if (metric.startsWith("decode_evicted_")) return "decode";
  if (metric === "read_bounded") return "read_full";
  if (metric.startsWith("study_policies_")) return "study";
  return metric === "load_cold" ? "load_warm" : metric;
}

/** What less of is better. */
function cost({ value, unit }: BenchRow): number {
  return unit === "tokens/s" ? 1 / value : value;
}

function relativeSpread({ value, low, high }: BenchRow): number {
  return (high - low) / 2 / value;
}

/** Prints what got slower, as multiples of a peer's row; gives the number of rows that did. */
export function printComparisons(
  { compared, uncompared, added, missing }: Comparisons,
  print: (text: string) => void,
): number {
  print("compared as multiples of a peer in each run, as times of different machines or hours say nothing:");
  for (const comparison of compared) print(describe(comparison));
  const list = (rows: readonly BenchRow[], why: string) => {
    if (rows.length > 0) print(`${why}: ${[...new Set(rows.map(({ metric }) => metric))].join(", ")}`);
  };
  list(uncompared, "not compared, as no peer's row in both runs is a measure of them");
  list(added, "not compared, as the earlier run lacks them");
  list(missing, "not measured now");
  const slower = compared.filter(({ slower }) => slower);
  print(`${slower.length} of ${compared.length} rows got slower beyond the spread of both runs`);
  return slower.length;
}

function describe({ system, metric, context, yardstick, ratio, spread, slower }: Comparison): string {
  const word = slower ? "SLOWER" : ratio < 1 / spread ? "faster" : "same";
  const label = `${system.padEnd(18)} ${metric.padEnd(20)} ${String(context).padStart(6)}`;
  return `${label}  ${ratio.toFixed(2)}× (spread ${spread.toFixed(2)}×, against ${yardstick})  ${word}`;
}
