import type { BenchRow } from "./measurement.ts";
import { speedUp } from "./speed_up.ts";

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
