/** One value of a table or chart. */
export type Cell = string | number | boolean | null | undefined;

/** One row of a table or chart, its cells by column name. */
export type Row = Readonly<Record<string, Cell>>;

/** What tables and charts take: rows (their cells are checked), or what can list them, such as a Polars DataFrame. */
export type Rows = readonly object[] | RecordSource;

/** A frame that lists its rows as objects, as a Polars DataFrame does. */
export interface RecordSource {
  /** The rows, as objects by column name. */
  toRecords(): readonly object[];
}

/**
 * Lists the rows of `source`, each with the same columns in the order of the first.
 *
 * Throws a TypeError where a column holds anything but text, numbers, booleans or nothing: 64-bit integers (BigInt)
 * have no JSON form and would break the display of the whole cell.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { listRows } from "./records.ts";
 *
 * assertEquals(listRows([{ policy: "hybrid", kept: 228 }]), [{ policy: "hybrid", kept: 228 }]);
 * ```
 */
export function listRows(source: Rows): readonly Row[] {
  const records = isSource(source) ? source.toRecords() : source;
  const columns = Object.keys(records[0] ?? {});
  return records.map((record) => {
    const unknown = Object.keys(record).find((name) => !columns.includes(name));
    if (unknown !== undefined) {
      throw new TypeError(
        `Cannot show column ${unknown} as the first row lacks it: its columns are ${columns.join(", ")}`,
      );
    }
    const cells = record as Readonly<Record<string, unknown>>;
    return Object.fromEntries(columns.map((name) => [name, checkCell(name, cells[name])]));
  });
}

// A Polars frame hides its methods from `in`, and gives its columns where it is taken for a list.
function isSource(source: Rows): source is RecordSource {
  return typeof (source as Partial<RecordSource>).toRecords === "function";
}

function checkCell(name: string, value: unknown): Cell {
  if (typeof value === "bigint") {
    throw new TypeError(`Cannot show column ${name} as it holds 64-bit integers (BigInt ${value}): cast it to Float64`);
  }
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  throw new TypeError(`Cannot show column ${name} as it holds ${kindOf(value)}: give text, numbers or booleans`);
}

function kindOf(value: unknown): string {
  return typeof value === "object" ? value!.constructor?.name ?? "an object" : `a ${typeof value}`;
}
