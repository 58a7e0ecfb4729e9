import { parseJson } from "../files/json_object.ts";
import { type Cell, type CodeCell, type DisplayOutput, isJson, type Notebook, type Output } from "./notebook.ts";
import { quoted } from "../files/quoted.ts";

/**
 * Reads a notebook from the text of an .ipynb file (nbformat 4, https://nbformat.readthedocs.io). Cells without an id
 * get one from their place.
 *
 * Throws a SyntaxError that names the cell if the text is no such notebook.
 */
export function parseNotebook(text: string): Notebook {
  const root = asObject(parseJson(text, "the notebook"), "the notebook");
  if (root.nbformat !== 4) {
    throw new SyntaxError(`Cannot read the notebook as its nbformat is ${quoted(root.nbformat)}: it must be 4`);
  }
  if (!Array.isArray(root.cells)) throw new SyntaxError("Cannot read the notebook as it has no list of cells");
  const cells = root.cells.map(readCell);
  const ids = new Set<string>();
  for (const { id } of cells) {
    if (ids.has(id)) throw new SyntaxError(`Cannot read the notebook as two cells have the id ${quoted(id)}`);
    ids.add(id);
  }
  const metadata = asObject(root.metadata ?? {}, "the notebook's metadata");
  checkLanguage(metadata);
  return { cells, metadata };
}

/** What the kernel runs: TypeScript, and JavaScript as a part of it. */
const LANGUAGES = ["typescript", "javascript"];

/** Refuses a notebook that says it is for another kernel: its code would run as TypeScript. */
function checkLanguage({ kernelspec, language_info }: Readonly<Record<string, unknown>>): void {
  const spec = asObject(kernelspec ?? {}, "the notebook's kernelspec");
  const info = asObject(language_info ?? {}, "the notebook's language_info");
  const language = spec.language ?? info.name;
  if (language === undefined && (spec.name === undefined || spec.name === "deno")) return;
  if (LANGUAGES.includes(String(language).toLowerCase())) return;
  throw new SyntaxError(
    `Cannot read the notebook as its kernel is ${wordOf(spec.name)}, its language ${wordOf(language)}: ` +
      "the kernel here is deno, the language typescript",
  );
}

function wordOf(name: unknown): string {
  if (name === undefined) return "not named";
  return typeof name === "string" && /^[\w./ +-]{1,40}$/.test(name) ? name : quoted(name);
}

function readCell(value: unknown, index: number): Cell {
  const label = `cell ${index + 1}`;
  const cell = asObject(value, label);
  const base = {
    id: cell.id === undefined ? `cell-${index + 1}` : readId(cell.id, label),
    source: readText(cell.source, `${label}'s source`),
    metadata: asObject(cell.metadata ?? {}, `${label}'s metadata`),
  };
  switch (cell.cell_type) {
    case "markdown":
    case "raw":
      if (cell.attachments === undefined) return { type: cell.cell_type, ...base };
      return { type: cell.cell_type, ...base, attachments: asObject(cell.attachments, `${label}'s attachments`) };
    case "code": {
      const outputs = cell.outputs ?? [];
      if (!Array.isArray(outputs)) throw new SyntaxError(`Cannot read ${label} as its outputs are no list`);
      const executionCount = typeof cell.execution_count === "number" ? cell.execution_count : null;
      const read = outputs.map((output) => readOutput(asObject(output, `${label}'s output`), label));
      return { type: "code", ...base, executionCount, outputs: read } satisfies CodeCell;
    }
  }
  throw new SyntaxError(`Cannot read ${label} as its cell_type is ${quoted(cell.cell_type)}`);
}

function readOutput(output: Record<string, unknown>, label: string): Output {
  switch (output.output_type) {
    case "stream":
      return {
        type: "stream",
        name: output.name === "stderr" ? "stderr" : "stdout",
        text: readText(output.text, `${label}'s stream`),
      };
    case "display_data":
    case "execute_result":
      return {
        type: output.output_type === "display_data" ? "display" : "result",
        data: readData(output.data, label),
        metadata: asObject(output.metadata ?? {}, `${label}'s output metadata`),
      };
    case "error":
      return {
        type: "error",
        name: String(output.ename),
        message: String(output.evalue),
        traceback: Array.isArray(output.traceback) ? output.traceback.map(String) : [],
      };
  }
  throw new SyntaxError(`Cannot read ${label} as an output_type is ${quoted(output.output_type)}`);
}

/** The text forms may be lists of lines; JSON forms are as they are, and may be lists too. */
function readData(value: unknown, label: string): DisplayOutput["data"] {
  const data = asObject(value, `${label}'s output data`);
  return Object.fromEntries(
    Object.entries(data).map(([type, form]) => {
      return [type, isJson(type) ? form : readText(form, `${label}'s ${wordOf(type)}`)];
    }),
  );
}

function readId(id: unknown, label: string): string {
  if (typeof id === "string" && /^[\w-]{1,64}$/.test(id)) return id;
  throw new SyntaxError(
    `Cannot read ${label} as its id is ${quoted(id)}: it must be 1 to 64 of a-z A-Z 0-9 - _`,
  );
}

function readText(value: unknown, label: string): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value) && value.every((line) => typeof line === "string")) return value.join("");
  throw new SyntaxError(`Cannot read ${label} as it must be a text or a list of lines`);
}

function asObject(value: unknown, label: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new SyntaxError(`Cannot read ${label} as it must be an object`);
}
