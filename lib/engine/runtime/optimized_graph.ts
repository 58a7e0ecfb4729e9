import * as onnxruntime from "onnxruntime-node";
import { hashFile } from "../../files/hash.ts";
import { writeAtomicSync } from "../../files/write_atomic.ts";

/** Options of a session, without those that are set here. */
type OpenOptions = Omit<
  onnxruntime.InferenceSession.SessionOptions,
  "graphOptimizationLevel" | "optimizedModelFilePath"
>;

/**
 * Opens a graph as onnxruntime optimizes it. The first time it also writes what came of it beside the graph, whose weights
 * it refers to; from then on that is opened, and nothing is left to optimize: half of what opening takes. Other releases
 * of onnxruntime make files of their own, and a file that is not as it was written is made anew.
 *
 * @param path a graph that is never changed under the same name
 */
export async function openOptimized(path: string, options: OpenOptions): Promise<onnxruntime.InferenceSession> {
  const { create } = onnxruntime.InferenceSession;
  const optimized = path.replace(/\.onnx$/, `.onnxruntime-${onnxruntime.env.versions.node}.onnx`);
  if (isWhole(optimized)) return await create(optimized, { ...options, graphOptimizationLevel: "disabled" });
  const unfinished = `${optimized}.${crypto.randomUUID().slice(0, 8)}.unfinished`;
  // What "all" does beyond it depends on the machine, and is nothing to these graphs.
  const level = { graphOptimizationLevel: "extended" } as const;
  try {
    const session = await create(path, { ...options, ...level, optimizedModelFilePath: unfinished });
    keep(unfinished, optimized);
    return session;
  } catch {
    // A folder that cannot be written to costs time, not the model; whatever else is wrong will be so again.
    return await create(path, { ...options, ...level });
  }
}

/** Gives a file that is written its name, once its hash is noted. */
function keep(unfinished: string, optimized: string): void {
  try {
    writeAtomicSync(hashPath(optimized), hashFile(unfinished, "sha256"));
    Deno.renameSync(unfinished, optimized);
  } catch {
    Deno.removeSync(unfinished);
  }
}

function hashPath(path: string): string {
  return `${path}.sha256`;
}

function isWhole(path: string): boolean {
  try {
    return hashFile(path, "sha256") === Deno.readTextFileSync(hashPath(path));
  } catch {
    return false; // One of the two is not there.
  }
}
