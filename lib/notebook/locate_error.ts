import type { Place } from "./cell_failure.ts";
import { runDeno } from "./run_deno.ts";
import { originalPlace } from "./source_map.ts";

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
  const folder = await Deno.makeTempDir({ prefix: "kvmirror-cell-" });
  try {
    const config = `${folder}/deno.json`;
    await Deno.writeTextFile(config, JSON.stringify(CONFIG));
    const args = ["transpile", "--quiet", "--config", config, "--source-map", "inline"];
    const { stdout } = await runDeno(args, source, { folder, executable });
    const map = stdout.match(/\/\/# sourceMappingURL=data:application\/json;base64,(\S+)/)?.[1];
    return map === undefined ? undefined : originalPlace(JSON.parse(atob(map)).mappings, { line, column });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
