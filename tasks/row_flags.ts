import { isFloatRows, type RowFormat, rowFormat } from "kvmirror/engine";
import { type Flags, type FlagTypes, usage, UsageError } from "./cli.ts";

/** The flags of {@linkcode rowsFromFlags}. */
export const ROW_FLAGS = { text: ["rows"], integer: ["row-window"] } as const satisfies FlagTypes;

/** How rows are held, as `--rows` and `--row-window` say; undefined where they stay float32. */
export function rowsFromFlags(flags: Flags): RowFormat | undefined {
  const name = flags.text("rows");
  const window = flags.number("row-window");
  const rows = name === undefined ? undefined : usage(() => rowFormat(name, window));
  if (rows !== undefined && !isFloatRows(rows)) return rows;
  if (window === undefined) return undefined;
  throw new UsageError(
    `Cannot keep the newest ${window} rows as they are where all are float32: give --rows int8 as well`,
  );
}
