import { type KvCache, loadModel, type Model, type WeightFormat } from "kvmirror/engine";

/** What tests/goldens/make_engine_goldens.py writes; arrays of numbers are base64 of little-endian float32. */
export interface Golden {
  readonly text: string;
  readonly ids: number[];
  readonly question: number[];
  readonly logits: string;
  readonly prompt_logprobs: string;
  readonly greedy: number[];
  readonly streaming: { context: number; rows: number[]; logits: string };
  readonly streaming_compact: { logits: string };
  readonly ragged_rows: number[][][];
  readonly ragged_logical: { context: number; logits: string; greedy: number[] };
  readonly ragged_compact: { context: number; logits: string; greedy: number[] };
  readonly signals: { context: number; heads: [number, number][]; taps: Record<string, string> };
  readonly trace: { context: number; ids: number[]; attention: number[] };
}

const FOLDER = new URL("../goldens/", import.meta.url);

/** The random checkpoints in the repository. */
export const CHECKPOINTS = ["qwen2_tied_bf16_sharded", "qwen2_untied_f32", "llama_tied_f16"] as const;

/** The folder of a random checkpoint. */
export function checkpointPath(name: string): string {
  return new URL(`${name}/`, FOLDER).pathname;
}

/** Reads a golden file: a random checkpoint's, the embedded model's, or SmolLM2's. */
export function readGolden(name: string): Golden {
  const file = CHECKPOINTS.some((checkpoint) => checkpoint === name) ? `${name}/golden.json` : `${name}.json`;
  return JSON.parse(Deno.readTextFileSync(new URL(file, FOLDER)));
}

/** Opens a random checkpoint. */
export function openCheckpoint(name: string, weights: WeightFormat = "f32"): Promise<Model> {
  return loadModel(checkpointPath(name), { weights, threads: 1 });
}

/** Decodes an array of numbers. */
export function numbers(base64: string): Float32Array {
  return new Float32Array(Uint8Array.fromBase64(base64).buffer as ArrayBuffer);
}

/** The largest absolute difference of two arrays of the same length. */
export function largestDifference(one: Float32Array, other: Float32Array): number {
  if (one.length !== other.length) return Infinity;
  return one.reduce((most, value, index) => Math.max(most, Math.abs(value - other[index])), 0);
}

/** Reads tokens into a new cache that records attention. */
export async function readAll(
  model: Model,
  ids: readonly number[],
  chunkLength?: number,
): Promise<{ cache: KvCache; logits: Float32Array }> {
  const cache = model.createCache(["all", 1, 64]);
  return { cache, logits: await model.read(cache, ids, { chunkLength }) };
}
