import type { BenchRow } from "./measurement.ts";

/** How many times as good as another value the own is: of tokens a second more is better, of all else less. */
export function speedUp(own: Pick<BenchRow, "value" | "unit">, other: Pick<BenchRow, "value">): number {
  return own.unit === "tokens/s" ? own.value / other.value : other.value / own.value;
}
