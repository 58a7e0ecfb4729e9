import { fileURLToPath } from "node:url";
import { readCheckpoint, type ResolvedModel } from "kvmirror/engine";
import { builtDecoder } from "../../../lib/engine/graph/model_store.ts";
import { bytesPerToken } from "../../../lib/metrics/bytes_per_token.ts";
import { outputOf } from "../workers/output_of.ts";

/** The least that a token can take here: all weights and all rows read once, at the speed of memory. */
export interface Floor {
  /** Bytes a second: the best of the tries of onnxruntime's ReduceSum over 512 MiB with all threads, in the same run. */
  readonly bandwidth: number;
  /** Bytes of the int8 model's weights file, which holds the embeddings too. */
  readonly weightBytes: number;
  /** Bytes of one token's rows in all layers and kv heads, in float32. */
  readonly tokenBytes: number;
}

const WORKER = fileURLToPath(new URL("bandwidth_worker.ts", import.meta.url));

/** Measures the bandwidth in a process of its own, and counts bytes. */
export async function measureFloor({ path }: ResolvedModel, signal?: AbortSignal): Promise<Floor> {
  signal?.throwIfAborted();
  const { success, code, stdout } = await outputOf(Deno.execPath(), {
    args: ["run", "-q", "--no-prompt", "-P=engine", "--allow-write", WORKER],
    stderr: "inherit",
    signal,
  });
  signal?.throwIfAborted();
  if (!success) throw new Error(`Cannot measure bandwidth as the process ended with exit code ${code}: see above`);
  const rates: number[] = JSON.parse(new TextDecoder().decode(stdout));
  using checkpoint = await readCheckpoint(path);
  const { numHiddenLayers, numKeyValueHeads, headDim } = checkpoint.config;
  const { size } = await Deno.stat((await builtDecoder(checkpoint, "int8")).weightsPath);
  return {
    bandwidth: Math.max(...rates),
    weightBytes: size,
    tokenBytes: bytesPerToken({ layerCount: numHiddenLayers, headCount: numKeyValueHeads, headDim, bytesPerValue: 4 }),
  };
}

/** Milliseconds a token at so many rows. */
export function floorMs({ bandwidth, weightBytes, tokenBytes }: Floor, rows: number): number {
  return (1000 * (weightBytes + rows * tokenBytes)) / bandwidth;
}
