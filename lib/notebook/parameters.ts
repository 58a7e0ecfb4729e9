import { type Cell, type CodeCell, hasTag, type Notebook } from "./notebook.ts";

/** A value that a notebook is run with. */
export type Parameter = string | number | boolean;

const DECLARATION = /^(let|const|var)\s+([\w$]+)/gm;
const ASSIGNMENT = /^(?:let\s+)?([\w$]+)(?:\s*:[^=]+)?\s*=\s*(.+?)\s*;?\s*(?:\/\/.*)?$/gm;

/**
 * The names that the cell tagged `parameters` declares, in their order; none without such a cell.
 *
 * Throws a SyntaxError if one is declared with another word than `let`: what is injected declares it again, and only a
 * `let` may be, by a `let`, in a later cell.
 */
export function declaredParameters(notebook: Notebook): string[] {
  const source = notebook.cells.find(isParametersCell)?.source ?? "";
  return [...source.matchAll(DECLARATION)].map(([, word, name]) => {
    if (word === "let") return name;
    throw new SyntaxError(`Cannot set the parameter ${name} as it is declared with ${word}: declare it with let`);
  });
}

/**
 * The notebook with a cell after its `parameters` that sets those of `values` which it declares; the others are left
 * out. An injected cell from an earlier run goes.
 */
export function injectParameters(notebook: Notebook, values: Readonly<Record<string, Parameter>>): Notebook {
  const cells = notebook.cells.filter((cell) => !hasTag(cell, "injected-parameters"));
  const set = declaredParameters(notebook).filter((name) => Object.hasOwn(values, name));
  if (set.length === 0) return { ...notebook, cells };
  const injected: CodeCell = {
    type: "code",
    id: "injected-parameters",
    metadata: { tags: ["injected-parameters"] },
    source: set.map((name) => `let ${name} = ${JSON.stringify(values[name])};`).join("\n"),
    executionCount: null,
    outputs: [],
  };
  return { ...notebook, cells: cells.toSpliced(cells.findIndex(isParametersCell) + 1, 0, injected) };
}

/** The values that `notebook` is run with, as far as they are written as literals, by name. */
export function parameterValues(notebook: Notebook): Record<string, Parameter> {
  const values = new Map<string, Parameter>();
  for (const cell of notebook.cells) {
    if (!isParametersCell(cell) && !hasTag(cell, "injected-parameters")) continue;
    for (const [, name, text] of cell.source.matchAll(ASSIGNMENT)) {
      const value = readLiteral(text);
      if (value !== undefined) values.set(name, value);
    }
  }
  return Object.fromEntries(values);
}

function readLiteral(text: string): Parameter | undefined {
  try {
    const value: unknown = JSON.parse(text.replaceAll("_", (mark) => /^[\d_]+$/.test(text) ? "" : mark));
    return typeof value === "object" ? undefined : value as Parameter;
  } catch {
    return undefined;
  }
}

function isParametersCell(cell: Cell): boolean {
  return cell.type === "code" && hasTag(cell, "parameters");
}
