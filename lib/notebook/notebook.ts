import type { Output } from "./output.ts";

/** A notebook: cells in order, and what belongs to the whole of it. */
export interface Notebook {
  readonly cells: readonly Cell[];
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Code that a kernel runs, or prose. */
export type Cell = CodeCell | TextCell;

/** A cell that a kernel runs. */
export interface CodeCell extends CellBase {
  readonly type: "code";
  /** The number that the kernel gave the run, from 1; `null` before it. */
  readonly executionCount: number | null;
  readonly outputs: readonly Output[];
}

/** A cell that is not run. */
export interface TextCell extends CellBase {
  readonly type: "markdown" | "raw";
}

interface CellBase {
  /** Unique in its notebook. */
  readonly id: string;
  readonly source: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Whether `cell` carries `tag`. */
export function hasTag(cell: Cell, tag: string): boolean {
  const tags = cell.metadata.tags;
  return Array.isArray(tags) && tags.includes(tag);
}
