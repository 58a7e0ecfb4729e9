import { type Cell, type CodeCell, isJson, type Notebook, type Output } from "./notebook.ts";

/** Says what the notebook is written in, without the version that the kernel adds: that would differ by machine. */
const LANGUAGE = {
  kernelspec: { display_name: "Deno", language: "typescript", name: "deno" },
  language_info: {
    file_extension: ".ts",
    mimetype: "text/x.typescript",
    name: "typescript",
    nbconvert_exporter: "script",
    pygments_lexer: "typescript",
  },
};

/**
 * Writes a notebook as the text of an .ipynb file (nbformat 4.5). The same notebook gives the same bytes: keys are in
 * one order, and nothing tells when or by which kernel it was run.
 */
export function serializeNotebook({ cells, metadata }: Notebook): string {
  const root = {
    cells: cells.map(writeCell),
    metadata: sortKeys({ ...metadata, ...LANGUAGE }),
    nbformat: 4,
    nbformat_minor: 5,
  };
  return `${JSON.stringify(root, null, 1)}\n`;
}

function writeCell(cell: Cell): unknown {
  const { id, metadata, source } = cell;
  const base = { cell_type: cell.type, id, metadata: sortKeys(metadata) };
  if (cell.type !== "code") {
    const { attachments } = cell;
    return { ...(attachments === undefined ? {} : { attachments }), ...base, source: lines(source) };
  }
  const outputs = cell.outputs.map((output) => writeOutput(output, cell));
  return { ...base, execution_count: cell.executionCount, outputs, source: lines(source) };
}

function writeOutput(output: Output, cell: CodeCell): unknown {
  switch (output.type) {
    case "stream":
      return { name: output.name, output_type: "stream", text: lines(output.text) };
    case "display":
      return { data: writeData(output.data), metadata: sortKeys(output.metadata), output_type: "display_data" };
    case "result":
      return {
        data: writeData(output.data),
        execution_count: cell.executionCount,
        metadata: sortKeys(output.metadata),
        output_type: "execute_result",
      };
    case "error":
      return { ename: output.name, evalue: output.message, output_type: "error", traceback: output.traceback };
  }
}

/** Text goes as a list of lines; JSON, and pictures in base64, as they are. */
function writeData(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const asLines = (type: string, form: unknown) =>
    typeof form === "string" && !isJson(type) && !/^image\/(?!svg)/.test(type) ? lines(form) : form;
  return sortKeys(Object.fromEntries(Object.entries(data).map(([type, form]) => [type, asLines(type, form)])));
}

function lines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function sortKeys<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([one], [other]) => one < other ? -1 : 1));
}
