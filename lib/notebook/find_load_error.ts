import type { Place } from "./cell_failure.ts";
import { runDeno } from "./run_deno.ts";

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
