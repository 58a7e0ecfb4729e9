import type { Notebook } from "./notebook.ts";

/** A notebook's code as one module. */
export interface NotebookProgram {
  readonly source: string;
  /** The cell that a line of the module is from (both from 1), and the line in that cell. */
  cellAt(line: number): { readonly number: number; readonly line: number } | undefined;
}

/** Puts the code cells of a notebook together as one module: the kernel does not check types, so that this may be. */
export function notebookProgram({ cells }: Notebook): NotebookProgram {
  const lines: string[] = [];
  const places: { number: number; line: number }[] = [];
  for (const [index, cell] of cells.entries()) {
    if (cell.type !== "code") continue;
    for (const [row, line] of `${cell.source}\n;`.split("\n").entries()) {
      lines.push(line);
      places.push({ number: index + 1, line: row + 1 });
    }
  }
  return { source: [...lines, "export {};", ""].join("\n"), cellAt: (line) => places[line - 1] };
}
