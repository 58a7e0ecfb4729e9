import { fixed, percent, plain, type Row, table } from "kvmirror/report";
import { type BenchReport, findRow } from "../bench_report.ts";

/** Weight formats by the systems that run them, float32 last: the others are judged by it. */
const WEIGHTS = [["kvmirror", "int4"], ["kvmirror int8", "int8"], ["kvmirror f32", "f32"]] as const;

/** What weights in fewer bits lose, beside how fast they are. */
export function weightsTable({ rows }: BenchReport): string | undefined {
  const judged = rows.find(({ metric }) => metric === "kl");
  if (judged === undefined) return undefined;
  const contexts = (metric: string) =>
    [
      ...new Set(rows.filter((row) => row.metric === metric).map(({ context }) => context)),
    ].sort((one, other) => one - other);
  const longest = contexts("prefill").at(-1);
  const value = (system: string, metric: string, context: number) =>
    findRow(rows, system, metric, context)?.value ?? null;
  const formats: Record<string, ReturnType<typeof fixed>> = { kl_nats: fixed(4), same_top_1: percent(1) };
  const lines = WEIGHTS.map(([system, weights]): Row => {
    const line: Record<string, string | number | null> = {
      weights,
      kl_nats: weights === "f32" ? 0 : value(system, "kl", judged.context),
      same_top_1: weights === "f32" ? 1 : value(system, "kl_top1", judged.context),
    };
    for (const context of contexts("decode")) {
      line[`ms at ${plain(context)}`] = value(system, "decode", context);
      formats[`ms at ${plain(context)}`] = fixed(1);
    }
    if (longest !== undefined) {
      line[`tokens read a second, ${plain(longest)}`] = value(system, "prefill", longest);
      formats[`tokens read a second, ${plain(longest)}`] = fixed(0);
    }
    return line;
  });
  return table(lines, { formats }).markdown;
}
