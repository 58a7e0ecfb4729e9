import type { CodeCell, Notebook } from "../../lib/notebook/notebook.ts";

/** A cell of code, with tags or without. */
export type MadeUpCell = string | { readonly source: string; readonly tags: readonly string[] };

/** A notebook of code cells, `c1`, `c2`, …. */
export function madeUpNotebook(...cells: readonly MadeUpCell[]): Notebook {
  return {
    metadata: {},
    cells: cells.map((cell, index): CodeCell => ({
      type: "code",
      id: `c${index + 1}`,
      source: typeof cell === "string" ? cell : cell.source,
      metadata: typeof cell === "string" ? {} : { tags: cell.tags },
      executionCount: null,
      outputs: [],
    })),
  };
}
