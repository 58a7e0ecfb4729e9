import type { NotebookRun } from "./run_notebook.ts";

/** A cell that failed, as {@linkcode runNotebook} reports it. */
export type FailedCell = NonNullable<NotebookRun["failed"]>;

/** Says in one line which cell failed, where in it, and why. */
export function describeFailure(notebook: string, { cell, number, failure }: FailedCell): string {
  const label = failure.place === undefined ? "" : `, line ${failure.place.line}`;
  const message = failure.message.replaceAll(/\s*\n\s*/g, " ").trim();
  return `${notebook}, cell ${number} (id ${cell.id})${label}: ${failure.name}: ${message}`;
}

/** The source of the cell that failed, its lines numbered, the line of the error marked. */
export function showSource({ cell, failure }: FailedCell): string {
  const lines = cell.source.split("\n");
  const width = String(lines.length).length;
  return lines.map((line, index) => {
    const mark = index + 1 === failure.place?.line ? ">" : " ";
    return `${mark} ${String(index + 1).padStart(width)} | ${line}`.trimEnd();
  }).join("\n");
}

/** The places in files that the error passed through, the innermost first; those inside Deno are left out. */
export function tracedFiles({ cell }: FailedCell): string[] {
  const errors = cell.outputs.filter((output) => output.type === "error");
  return errors.flatMap(({ traceback }) => traceback).filter((line) => line.includes("file://")).map((line) =>
    line.trim()
  );
}
