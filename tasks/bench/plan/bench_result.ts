import { median } from "../../../lib/numeric/median.ts";

/** One line of the benchmark's result. */
export type ReportRow = BenchRow | UnmeasuredRow;

/** A number that was measured. */
export interface BenchRow {
  readonly system: string;
  readonly metric: string;
  /** Tokens that were read before. */
  readonly context: number;
  /** Median over the rounds, of each round's median. */
  readonly value: number;
  readonly unit: string;
  /** Lowest and highest round. */
  readonly low: number;
  readonly high: number;
  readonly rounds: number;
  /** Of `kl` and `kl_top1`: the system whose predictions count as right. */
  readonly against?: string;
  /** Of a speed: the system's `kl`, nats a token; null where it was not measured. */
  readonly kl?: number | null;
  /** Of a speed: the system's `kl_top1`, a share. */
  readonly kl_top1?: number | null;
  /** Of a speed without `kl`: why. */
  readonly kl_missing?: string;
}

/** A number that a system cannot give, and why. */
export interface UnmeasuredRow {
  readonly system: string;
  readonly metric: string;
  readonly context: number;
  readonly value: null;
  readonly unit: string;
  /** What stood in the way: `the model's context is 8192`. */
  readonly reason: string;
}

/** Whether a row holds a number. */
export function isMeasured(row: ReportRow): row is BenchRow {
  return row.value !== null;
}

/** The row of one metric's values, one a round. */
export function rowOf(
  place: Pick<BenchRow, "system" | "metric" | "context" | "unit" | "against">,
  values: readonly number[],
): BenchRow {
  const { system, metric, context, unit, against } = place;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const judged = against === undefined ? {} : { against };
  return { system, metric, context, value: median(values), unit, low, high, rounds: values.length, ...judged };
}

/** The row of a system, metric and context. */
export function findRow<Row extends ReportRow>(
  rows: readonly Row[],
  system: string,
  metric: string,
  context: number,
): Row | undefined {
  return rows.find((row) => row.system === system && row.metric === metric && row.context === context);
}

/** Whether rows of the system are this project's: `kvmirror`, `kvmirror f32`. */
export function isOwn(system: string): boolean {
  return system === "kvmirror" || system.startsWith("kvmirror ");
}

/** Metrics that say how fast a system answers: none is told without what its answers lose. */
const SPEEDS = /^(decode|prefill|first_token|read|study|lookup)(_|$)/;

/** Whether a metric is a speed of answers; the start of a process and the simulator give none. */
export function isSpeed(metric: string): boolean {
  return SPEEDS.test(metric);
}

/** Whether a metric says what answers lose: it hangs on no machine and no hour, so no peer is its measure. */
export function isLoss(metric: string): boolean {
  return metric === "kl" || metric === "kl_top1";
}

/** What a system's answers lose, or why that is not known. */
export type SystemDivergence =
  | { readonly kl: number; readonly top1: number; readonly tokens: number; readonly against: string }
  | { readonly reason: string };

/** What a system's answers lose, by its rows; those of a run that compared weights alone name no reference. */
export function divergenceOf(rows: readonly ReportRow[], system: string): SystemDivergence {
  const of = (metric: string) => rows.find((row) => row.system === system && row.metric === metric);
  const [kl, top1] = [of("kl"), of("kl_top1")];
  if (kl === undefined || top1 === undefined) return { reason: "not measured: kl is not among the metrics" };
  if (!isMeasured(kl)) return { reason: kl.reason };
  if (!isMeasured(top1)) return { reason: top1.reason };
  return { kl: kl.value, top1: top1.value, tokens: kl.context, against: kl.against ?? OWN_REFERENCE };
}

/** The system that stands for float32 where PyTorch is not asked for. */
export const OWN_REFERENCE = "kvmirror f32";

/** Rows whose speeds carry what their system's answers lose. */
export function withDivergences(rows: readonly ReportRow[]): ReportRow[] {
  return rows.map((row) => {
    if (!isMeasured(row) || !isSpeed(row.metric)) return row;
    const lost = divergenceOf(rows, row.system);
    if ("kl" in lost) return { ...row, kl: lost.kl, kl_top1: lost.top1 };
    return { ...row, kl: null, kl_top1: null, kl_missing: lost.reason };
  });
}

/** How many times as good as another value the own is: of tokens a second more is better, of all else less. */
export function speedUp(own: Pick<BenchRow, "value" | "unit">, other: Pick<BenchRow, "value">): number {
  return own.unit === "tokens/s" ? own.value / other.value : other.value / own.value;
}

/** A row as a line of text: a speed with what it loses; a peer's also says how many times as fast (or as small) ours is. */
export function describeRow(row: ReportRow, rows: readonly ReportRow[]): string {
  const number = (value: number) => value.toFixed(value < 0.1 ? 5 : value < 100 ? 2 : 0);
  const place = [row.system.padEnd(18), row.metric.padEnd(20), String(row.context).padStart(6)];
  if (!isMeasured(row)) return [...place, "none:".padStart(8), row.reason].join(" ");
  const { value, unit, low, high, kl, kl_top1: top1, kl_missing: missing, against } = row;
  const measured = [...place, number(value).padStart(8), unit.padEnd(8), `(${number(low)} to ${number(high)})`];
  if (typeof kl === "number" && typeof top1 === "number") {
    measured.push(` KL ${number(kl)}, top-1 ${(100 * top1).toFixed(1)} %`);
  } else if (missing !== undefined) measured.push(` KL ${missing}`);
  if (against !== undefined) measured.push(` against ${against}`);
  const own = rows.find(({ system, metric, context }) =>
    system === "kvmirror" && metric === row.metric && context === row.context
  );
  if (own !== undefined && own !== row && !isLoss(row.metric) && isMeasured(own)) {
    measured.push(` kvmirror ${speedUp(own, row).toFixed(2)}×`);
  }
  return measured.join(" ");
}
