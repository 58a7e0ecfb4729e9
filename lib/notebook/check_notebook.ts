import type { Notebook } from "./notebook.ts";
import type { NotebookFile } from "./read_notebooks.ts";
import { runDeno } from "./run_deno.ts";

/** Characters of the widest code line: JupyterLab and GitHub show it without scrolling. */
const MAX_LINE_CHARACTERS = 100;
/** Lines of the longest code cell: about four are the rule, a definition that cannot be split may take more. */
/** A reader's own policy takes 16. */
const MAX_CELL_LINES = 16;

/**
 * What is wrong with a notebook's source, in words; empty if nothing is: outputs that were left in it, code lines over 100
 * characters, code cells over 16 lines, and what `deno check` says of its code, with the place in its cell.
 *
 * @param folder where the notebook is: what it imports is found from there
 */
export async function checkNotebook({ name, notebook }: NotebookFile, folder: string): Promise<string[]> {
  const ran = notebook.cells.flatMap((cell, index) =>
    cell.type === "code" && (cell.outputs.length > 0 || cell.executionCount !== null)
      ? [`${name}.ipynb, cell ${index + 1} (id ${cell.id}) carries the outputs of a run: clear them`]
      : []
  );
  const source = [...ran, ...oversizedCode(name, notebook)];
  const program = notebookProgram(notebook);
  const { success, stderr } = await runDeno(["check", "--quiet"], program.source, { folder });
  if (success) return source;
  const wrong = stderr.replaceAll(/^\s+at .*?\.cell-[\w-]+\.ts:(\d+):(\d+)$/gm, (_, line, column) => {
    const place = program.cellAt(Number(line));
    return `    at ${name}.ipynb, cell ${place?.number}, line ${place?.line}, column ${column}`;
  });
  return [...source, wrong.replace(/\n*(Found \d+ errors?\.)?\s*error: Type checking failed\.\s*$/, "").trim()];
}

/** Code that is too wide or too long to be read at a glance, one sentence a place. */
function oversizedCode(name: string, { cells }: Notebook): string[] {
  return cells.flatMap((cell, index) => {
    if (cell.type !== "code") return [];
    const lines = cell.source.split("\n");
    const place = (line: number) => `${name}.ipynb, cell ${index + 1} (id ${cell.id}), line ${line}`;
    const wrong: string[] = [];
    for (const [row, { length }] of lines.entries()) {
      if (length <= MAX_LINE_CHARACTERS) continue;
      wrong.push(`${place(row + 1)} has ${length} characters of code, at most ${MAX_LINE_CHARACTERS}: break the line`);
    }
    if (lines.length > MAX_CELL_LINES) {
      const limit = `the cell has ${lines.length} lines of code, at most ${MAX_CELL_LINES}`;
      wrong.push(`${place(MAX_CELL_LINES + 1)} is too much: ${limit}: split the cell`);
    }
    return wrong;
  });
}

/** A notebook's code as one module. */
export interface NotebookProgram {
  readonly source: string;
  /** The cell that a line of the module is from (both from 1), and the line in that cell. */
  cellAt(line: number): { readonly number: number; readonly line: number } | undefined;
}

/** Puts the code cells of a notebook together as one module: the kernel does not check types, so that this may be. */
function notebookProgram({ cells }: Notebook): NotebookProgram {
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
