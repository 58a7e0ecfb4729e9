import type { Comparison, Comparisons } from "./compare_reports.ts";
import type { BenchRow } from "./measurement.ts";

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
  list(uncompared, "not compared, as no peer has such a row in both runs");
  list(added, "not compared, as the earlier run lacks them");
  list(missing, "not measured now");
  const slower = compared.filter(({ slower }) => slower);
  print(`${slower.length} of ${compared.length} rows got slower beyond the spread of both runs`);
  return slower.length;
}

function describe({ system, metric, context, yardstick, ratio, spread, slower }: Comparison): string {
  const word = slower ? "SLOWER" : ratio < 1 / spread ? "faster" : "same";
  const place = `${system.padEnd(18)} ${metric.padEnd(20)} ${String(context).padStart(6)}`;
  return `${place}  ${ratio.toFixed(2)}× (spread ${spread.toFixed(2)}×, against ${yardstick})  ${word}`;
}
