import { type Comparison, type Comparisons, YARDSTICK } from "./compare_reports.ts";

/** Prints what got slower, as multiples of a peer's row; gives the number of rows that did. */
export function printComparisons({ compared, uncompared }: Comparisons, print: (text: string) => void): number {
  print(`compared as multiples of ${YARDSTICK} in each run, as times of different machines or hours say nothing:`);
  for (const comparison of compared) print(describe(comparison));
  if (uncompared.length > 0) {
    const names = [...new Set(uncompared.map(({ metric }) => metric))].join(", ");
    print(`not compared, as ${YARDSTICK} has no such row in both runs: ${names}`);
  }
  const slower = compared.filter(({ slower }) => slower);
  print(`${slower.length} of ${compared.length} rows got slower beyond the spread of both runs`);
  return slower.length;
}

function describe({ system, metric, context, ratio, spread, slower }: Comparison): string {
  const word = slower ? "SLOWER" : ratio < 1 / spread ? "faster" : "same";
  const place = `${system.padEnd(18)} ${metric.padEnd(20)} ${String(context).padStart(6)}`;
  return `${place}  ${ratio.toFixed(2)}× (spread ${spread.toFixed(2)}×)  ${word}`;
}
