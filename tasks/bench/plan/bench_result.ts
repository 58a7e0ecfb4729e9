/** One line of the benchmark's result. */
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
}

/** The middle value; of an even number, the mean of the middle two. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("Cannot take the median of no values: measure at least once");
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The row of one metric's values, one a round. */
export function rowOf(
  place: Pick<BenchRow, "system" | "metric" | "context" | "unit">,
  values: readonly number[],
): BenchRow {
  const { system, metric, context, unit } = place;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return { system, metric, context, value: median(values), unit, low, high, rounds: values.length };
}

/** The row of a system, metric and context. */
export function findRow(
  rows: readonly BenchRow[],
  system: string,
  metric: string,
  context: number,
): BenchRow | undefined {
  return rows.find((row) => row.system === system && row.metric === metric && row.context === context);
}

/** Whether rows of the system are this project's: `kvmirror`, `kvmirror f32`. */
export function isOwn(system: string): boolean {
  return system === "kvmirror" || system.startsWith("kvmirror ");
}

/** How many times as good as another value the own is: of tokens a second more is better, of all else less. */
export function speedUp(own: Pick<BenchRow, "value" | "unit">, other: Pick<BenchRow, "value">): number {
  return own.unit === "tokens/s" ? own.value / other.value : other.value / own.value;
}

/** A row as a line of text; a peer's also says how many times as fast (or as small) this project's is. */
export function describeRow(row: BenchRow, rows: readonly BenchRow[]): string {
  const number = (value: number) => value.toFixed(value < 0.1 ? 5 : value < 100 ? 2 : 0);
  const measured = [
    row.system.padEnd(18),
    row.metric.padEnd(20),
    String(row.context).padStart(6),
    number(row.value).padStart(8),
    row.unit.padEnd(8),
    `(${number(row.low)} to ${number(row.high)})`,
  ].join(" ");
  const own = rows.find(({ system, metric, context }) =>
    system === "kvmirror" && metric === row.metric && context === row.context
  );
  const judged = row.metric === "kl" || row.metric === "kl_top1";
  if (own === undefined || own === row || judged) return measured;
  return `${measured}  kvmirror ${speedUp(own, row).toFixed(2)}×`;
}
