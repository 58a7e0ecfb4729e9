import * as onnxruntime from "onnxruntime-node";
import { fileSize } from "../../files/exists.ts";
import { hashFile } from "../../files/hash.ts";
import { writeAtomicSync } from "../../files/write_atomic.ts";
import { INTEGER_PRODUCTS, type IntegerProducts } from "./integer_products.ts";

/** Options of a session, without those that are set here. */
type OpenOptions = Omit<
  onnxruntime.InferenceSession.SessionOptions,
  "graphOptimizationLevel" | "optimizedModelFilePath" | "extra"
>;

/**
 * Opens a graph as onnxruntime optimizes it. The first time it also writes what came of it beside the graph, whose weights
 * it refers to; from then on that is opened, and nothing is left to optimize: half of what opening takes. Other releases
 * of onnxruntime make files of their own, so do machines that multiply otherwise, and a file that is not as it was written
 * is made anew.
 *
 * @param path a graph that is never changed under the same name
 * @param products how constant whole numbers are multiplied
 */
export async function openOptimized(
  path: string,
  openOptions: OpenOptions,
  products: IntegerProducts = "native",
): Promise<onnxruntime.InferenceSession> {
  const { create } = onnxruntime.InferenceSession;
  const options = { ...openOptions, extra: INTEGER_PRODUCTS[products] };
  const kind = `${onnxruntime.env.versions.node}${products === "native" ? "" : `-${products}`}`;
  const optimized = path.replace(/\.onnx$/, `.onnxruntime-${kind}.onnx`);
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

/** Gives a file that is written its name, and notes its hash. Until then whoever tidies the folder up may take it away. */
function keep(unfinished: string, optimized: string): void {
  try {
    const hash = hashFile(unfinished, "sha256");
    Deno.renameSync(unfinished, optimized);
    writeAtomicSync(hashPath(optimized), hash);
  } catch {
    for (const left of [unfinished, optimized]) if (fileSize(left) !== undefined) Deno.removeSync(left);
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
