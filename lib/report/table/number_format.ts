import type { Cell } from "./records.ts";

/** Writes one cell of a table as text. */
export type Format = (value: Cell) => string;

/** What stands for a value that is missing or not a number. */
const MISSING = "–";

/**
 * The default: whole numbers with thousands separators, others with four decimals, everything else as it is. The same
 * on every machine, whatever its locale.
 *
 * @example
 * ```ts
 * import { plain } from "kvmirror/report";
 *
 * plain(73924608); // "73,924,608"
 * plain(0.265625); // "0.2656"
 * ```
 */
export function plain(value: Cell): string {
  if (value === null || value === undefined || Number.isNaN(value)) return MISSING;
  if (typeof value !== "number") return String(value);
  return Number.isInteger(value) ? group(String(value)) : group(value.toFixed(4));
}

/** Numbers with `digits` decimals: `fixed(2)(0.5)` is `0.50`. */
export function fixed(digits: number): Format {
  return (value) => typeof value === "number" && Number.isFinite(value) ? group(value.toFixed(digits)) : plain(value);
}

/** Shares of one as percent with `digits` decimals: `percent(1)(0.2656)` is `26.6 %`. */
export function percent(digits: number): Format {
  return (value) =>
    typeof value === "number" && Number.isFinite(value) ? `${(value * 100).toFixed(digits)} %` : plain(value);
}

/** Bytes in the largest binary unit that leaves a number of at least one: `bytes(73924608)` is `70.5 MiB`. */
export function bytes(value: Cell): string {
  if (typeof value !== "number" || !Number.isFinite(value)) return plain(value);
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, Math.abs(value))) / 10)));
  const scaled = value / 2 ** (10 * power);
  return `${group(power === 0 ? String(scaled) : scaled.toFixed(1))} ${units[power]}`;
}

function group(number: string): string {
  const [whole, decimals] = number.split(".");
  const grouped = whole.replaceAll(/\B(?=(\d{3})+$)/g, ",");
  return decimals === undefined ? grouped : `${grouped}.${decimals}`;
}
