import type { Head, Layer, Signal } from "kvmirror/policies";
import { cannotFind } from "../../lib/numeric/nearest_name.ts";
import { defaultFrequencies } from "../../lib/numeric/rotary.ts";
import type { Vector } from "../../lib/numeric/vectors.ts";

const [LAYERS, KV_HEADS, GROUP_SIZE, HEAD_DIM] = [2, 2, 2, 4];

/** How many numbers each row has of a signal, or the whole head where that does not grow with the rows. */
const SIZES: Readonly<Record<Signal & string, (rows: number) => number>> = {
  keys: (rows) => rows * HEAD_DIM,
  values: (rows) => rows * HEAD_DIM,
  unrotatedKeys: (rows) => rows * HEAD_DIM,
  novelty: (rows) => rows,
  outputNorm1: (rows) => rows,
  queryMoments: () => GROUP_SIZE * (HEAD_DIM + HEAD_DIM ** 2),
  reconstruction: (rows) => rows,
  normalizedReconstruction: (rows) => rows,
  predictedAttention: (rows) => rows,
  filterResponse: (rows) => rows,
  predictedReconstruction: (rows) => rows,
  nonCausalAttention: (rows) => rows,
  laterAttention: (rows) => rows,
};

/** Layers of a cache of `rows` rows a head with every signal there is, all made up: to try a policy without a model. */
export function syntheticLayers(rows: number): Layer[] {
  const rotary = { kinds: [defaultFrequencies(HEAD_DIM, 10_000)], layers: new Array(LAYERS).fill(0) };
  const model = { layerCount: LAYERS, headDim: HEAD_DIM, groupSize: GROUP_SIZE, rotary };
  return Array.from({ length: LAYERS }, (_, index) => ({
    index,
    model,
    heads: Array.from({ length: KV_HEADS }, (_, kvHead) => syntheticHead(rows, 1 + index * KV_HEADS + kvHead)),
  }));
}

function syntheticHead(rows: number, seed: number): Head {
  return {
    positions: Int32Array.from({ length: rows }, (_, row) => row),
    signal: (signal): Vector => {
      if (typeof signal !== "string") return syntheticNumbers(rows, seed);
      if (!Object.hasOwn(SIZES, signal)) throw new TypeError(cannotFind("signal", signal, Object.keys(SIZES)));
      return syntheticNumbers(SIZES[signal](rows), seed + signal.length);
    },
  };
}

/** Numbers in [0, 1) that depend on nothing but their place. */
function syntheticNumbers(length: number, seed: number): Float32Array {
  return Float32Array.from({ length }, (_, index) => {
    const mixed = Math.sin((index + 1) * 12.9898 + seed * 78.233) * 43758.5453;
    return mixed - Math.floor(mixed);
  });
}
