import { holdFolder } from "../files/held_folder.ts";
import { runDeno } from "./run_deno.ts";

/** Why a cell failed. */
export interface CellFailure {
  /** `error`: it threw, or showed an error; `timeout`: it ran too long; `died`: the kernel's process ended under it. */
  readonly kind: "error" | "timeout" | "died";
  /** The error's class, or what stands for it. */
  readonly name: string;
  readonly message: string;
  /** Where in the cell, if that is known. */
  readonly place?: Place;
}

/** A place in a cell's source; lines and columns count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** The kernel keeps imports that are not used, which transpiling drops by default: lines would shift. */
const CONFIG = { compilerOptions: { verbatimModuleSyntax: true } };

/**
 * Finds the statement of a cell in which an error came up. A traceback's places are in the JavaScript that the kernel
 * made of the cell, printed anew; this makes the same and follows its source map. `undefined` where the traceback has
 * no place of a cell.
 */
export async function locateError(
  source: string,
  traceback: readonly string[],
  executable?: string,
): Promise<Place | undefined> {
  // Functions of earlier cells have frames of the same name: the outermost is this cell's own.
  const frame = traceback.findLast((line) => /^\s+at .*<anonymous>:\d+:\d+/.test(line));
  const [line, column] = frame?.match(/<anonymous>:(\d+):(\d+)/)?.slice(1).map(Number) ?? [];
  if (line === undefined) return undefined;
  await using folder = await holdFolder("kvmirror-cell-");
  const config = `${folder.path}/deno.json`;
  await Deno.writeTextFile(config, JSON.stringify(CONFIG));
  const args = ["transpile", "--quiet", "--config", config, "--source-map", "inline"];
  const { stdout } = await runDeno(args, source, { folder: folder.path, executable });
  const map = stdout.match(/\/\/# sourceMappingURL=data:application\/json;base64,(\S+)/)?.[1];
  return map === undefined ? undefined : originalPlace(JSON.parse(atob(map)).mappings, { line, column });
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/**
 * The place in the source that a place in the generated text comes from, by the `mappings` of a source map (revision 3,
 * https://tc39.es/ecma426/); `undefined` where the map has none.
 */
function originalPlace(mappings: string, { line, column }: Place): Place | undefined {
  let sourceLine = 0;
  let sourceColumn = 0;
  let found: Place | undefined;
  for (const [index, text] of mappings.split(";").slice(0, line).entries()) {
    let generatedColumn = 0;
    for (const segment of text.split(",").filter((segment) => segment !== "")) {
      const [columns, , lines, sourceColumns] = decodeNumbers(segment);
      generatedColumn += columns;
      if (lines === undefined) continue;
      sourceLine += lines;
      sourceColumn += sourceColumns;
      const before = generatedColumn <= column - 1 || found === undefined;
      if (index === line - 1 && before) found = { line: sourceLine + 1, column: sourceColumn + 1 };
    }
  }
  return found;
}

/** Base64 VLQ: six bits a digit, the lowest five first; the highest bit says that more follow, the lowest is the sign. */
function decodeNumbers(segment: string): number[] {
  const numbers: number[] = [];
  let value = 0;
  let shift = 0;
  for (const letter of segment) {
    const digit = DIGITS.indexOf(letter);
    value += (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    numbers.push(value & 1 ? -(value >> 1) : value >> 1);
    value = shift = 0;
  }
  return numbers;
}

/** Why a text does not load as a module. */
export interface LoadError {
  readonly message: string;
  readonly place?: Place;
}

/**
 * Finds why a cell could not even be loaded: the kernel says no more than `Execution failed` where its text does not
 * parse or a package is not found. Loads the cell as a file beside the notebook, without running it; `undefined` if it
 * loads.
 */
export async function findLoadError(
  source: string,
  options: { readonly folder: string; readonly executable?: string },
): Promise<LoadError | undefined> {
  const { success, stderr } = await runDeno(["cache", "--quiet"], source, options);
  if (success) return undefined;
  const [first, ...rest] = stderr.slice(Math.max(0, stderr.indexOf("error: "))).split("\n");
  const at = rest.find((line) => /^\s*at .*:\d+:\d+$/.test(line))?.match(/:(\d+):(\d+)$/);
  return {
    message: first.replace(/^error: /, "").replace(/^SyntaxError: /, ""),
    place: at ? { line: Number(at[1]), column: Number(at[2]) } : undefined,
  };
}
