import { type RotaryFrequencies, rotaryTables } from "../../numeric/rotary.ts";
import { SINK_TOKENS } from "../../policies/policy.ts";
import type { KvCache, ObserveOptions } from "../cache/kv_cache.ts";
import type { ModelConfig } from "../checkpoint/checkpoint.ts";
import { capped, headsFirst } from "../graph/attention_graph.ts";
import { ELEMENT, GraphBuilder, NO_WEIGHTS } from "../graph/onnx_graph.ts";
import { evictableLayers } from "../rows/cache_shape.ts";
import type { DecoderPool } from "../runtime/decoder_pool.ts";
import type { GraphInput, GraphSession } from "../runtime/graph_session.ts";
import type { OutputNorms } from "./output_norms.ts";
import type { Repetition } from "./repetitions.ts";

/** Repeated tokens that one run reads. */
const CHUNK_TOKENS = 256;

/** The model's parts that {@linkcode reconstruction} runs. */
export interface ReconstructionTools {
  readonly config: ModelConfig;
  readonly sessions: DecoderPool;
  /** The graph of one layer's attention while the model repeats a segment. */
  readonly graph: GraphSession;
  /** For KVzip+: the norms of the output that values write, `[layer · kv heads + kv head]`. */
  readonly norms?: readonly OutputNorms[];
}

/** One kv head's rows of a segment. */
interface Segment {
  /** Index of the segment's first row in the cache. */
  readonly first: number;
  /** Sink rows before the segment's in `keys`. */
  readonly sinks: number;
  /** Keys of sinks and segment, `[sinks + rows, head_dim]`. */
  readonly keys: Float32Array;
  /** Scores of all rows of the head, `[rows]`, raised in place. */
  readonly scores: Float32Array;
}

/**
 * Computes KVzip's scores (Kim et al. 2025, https://arxiv.org/abs/2505.23416): the largest attention that each row gets
 * from any query of its group while the model repeats the text. Each repetition is read on its own fork of the cache;
 * rows outside all segments score 0, as do rows of layers that no policy chooses in.
 *
 * @returns the scores, `[layer · kv heads + kv head]`, `[rows]` each
 */
export async function reconstruction(
  tools: ReconstructionTools,
  cache: KvCache,
  segments: readonly Repetition[],
  { signal, onProgress }: ObserveOptions = {},
): Promise<Float32Array[]> {
  const { kvHeadCount } = cache.shape;
  const all = cache.past().map((_, index) =>
    new Float32Array(cache.rowCount(Math.floor(index / kvHeadCount), index % kvHeadCount))
  );
  const total = segments.reduce((sum, { ids }) => sum + ids.length, 0);
  let read = 0;
  for (const repetition of segments) {
    const past = cache.past();
    const heads = all.map((scores, index) => segmentOf(cache, past[index].keys, index, repetition, scores));
    using run = cache.fork();
    run.reserve(repetition.ids.length);
    for (let start = 0; start < repetition.ids.length; start += CHUNK_TOKENS) {
      await new Promise((resume) => setTimeout(resume, 0));
      signal?.throwIfAborted();
      const ids = repetition.ids.slice(start, start + CHUNK_TOKENS);
      await readChunk(tools, run, ids, start, heads);
      onProgress?.(read += ids.length, total);
    }
  }
  return all;
}

/** Reads a chunk of repeated tokens and raises the scores of the segment's rows to their attention. */
async function readChunk(
  { config, sessions, graph, norms }: ReconstructionTools,
  run: KvCache,
  ids: readonly number[],
  start: number,
  heads: readonly Segment[],
): Promise<void> {
  const { headDim, kvHeadCount, groupSize } = run.shape;
  const rotaryPosition = run.nextRotaryPosition;
  const outputs = await sessions.run(run.cacheDtype, {
    ids,
    rotary: run.rotary,
    rotaryPosition,
    rows: run.room(ids.length),
    queryWeights: new Float32Array(0),
    logitsRows: [],
    layerValues: norms === undefined ? ["queryKeys"] : ["queryKeys", "layerInputs"],
  });
  // Nothing of these rows is kept: what would be recorded of them is not asked for.
  const unknown = Object.fromEntries(
    run.chunkRecordings.map((recording) => [recording, heads.map(() => new Float32Array(ids.length).fill(NaN))]),
  );
  run.append(ids, new Float32Array(0), "further", undefined, unknown);
  const past = run.past();
  const shared = chunkInputs(config, ids.length, start);
  const { kinds, layers } = run.rotary;
  const tables = kinds.map((frequencies) => rotaryInputs(frequencies, ids.length, rotaryPosition));
  for (const layer of evictableLayers(run.shape)) {
    const inputs: Record<string, GraphInput> = {
      ...shared,
      ...tables[layers[layer]],
      query_keys: {
        values: outputs.queryKeys[layer],
        shape: [1, ids.length, outputs.queryKeys[layer].length / ids.length],
      },
      ...(norms === undefined ? {} : { input_scales: inverseNorms(outputs.layerInputs[layer], ids.length) }),
    };
    for (let head = 0; head < kvHeadCount; head++) {
      const index = layer * kvHeadCount + head;
      const { keys, sinks, first, scores } = heads[index];
      const rows = keys.length / headDim;
      const repeated = past[index].keys.subarray(past[index].keys.length - (start + ids.length) * headDim);
      inputs[`context.${head}`] = { values: keys, shape: [1, rows, headDim] };
      inputs[`repeated.${head}`] = { values: repeated, shape: [1, start + ids.length, headDim] };
      inputs[`segment.${head}`] = { values: BigInt64Array.of(BigInt(sinks)), shape: [1] };
      inputs[`rows.${head}`] = { values: BigInt64Array.of(BigInt(rows)), shape: [1] };
      if (norms !== undefined) {
        inputs[`output_norms.${head}`] = {
          values: columns(norms[index].norm2, scores.length, first, rows - sinks, groupSize),
          shape: [groupSize, 1, rows - sinks],
        };
      }
    }
    const found = await graph.run(inputs, Array.from({ length: kvHeadCount }, (_, head) => `scores.${head}`));
    for (let head = 0; head < kvHeadCount; head++) {
      const { scores, first } = heads[layer * kvHeadCount + head];
      found[`scores.${head}`].forEach((score, row) => scores[first + row] = Math.max(scores[first + row], score));
    }
  }
}

function rotaryInputs(frequencies: RotaryFrequencies, count: number, position: number): Record<string, GraphInput> {
  const { cos, sin } = rotaryTables(frequencies, count, position);
  const shape = [count, frequencies.length];
  return { cos: { values: cos, shape }, sin: { values: sin, shape } };
}

function chunkInputs(config: ModelConfig, count: number, start: number): Record<string, GraphInput> {
  const queries = (config.numAttentionHeads / config.numKeyValueHeads) * count;
  const width = start + count;
  const mask = new Float32Array(queries * width);
  for (let query = 0; query < queries; query++) {
    mask.fill(-1e9, query * width + start + (query % count) + 1, (query + 1) * width);
  }
  return {
    positions: { values: BigInt64Array.from({ length: count }, (_, index) => BigInt(index)), shape: [1, count] },
    mask: { values: mask, shape: [queries, width] },
  };
}

function segmentOf(
  cache: KvCache,
  all: Float32Array,
  index: number,
  { start, end }: Repetition,
  scores: Float32Array,
): Segment {
  const { kvHeadCount, headDim } = cache.shape;
  const positions = cache.rowPositions(Math.floor(index / kvHeadCount), index % kvHeadCount);
  const before = (position: number) => {
    const found = positions.findIndex((own) => own >= position);
    return found < 0 ? positions.length : found;
  };
  const [first, last, sinks] = [before(start), before(end), before(Math.min(SINK_TOKENS, start))];
  const keys = new Float32Array((sinks + last - first) * headDim);
  keys.set(all.subarray(0, sinks * headDim));
  keys.set(all.subarray(first * headDim, last * headDim), sinks * headDim);
  return { first, sinks, keys, scores };
}

/** 1 / ‖input‖₂ of each token, `[1, S, 1]`. */
function inverseNorms(inputs: Float32Array, count: number): GraphInput {
  const width = inputs.length / count;
  const values = Float32Array.from({ length: count }, (_, token) => {
    let sum = 0;
    for (let index = token * width; index < (token + 1) * width; index++) sum += inputs[index] ** 2;
    return 1 / Math.sqrt(sum);
  });
  return { values, shape: [1, count, 1] };
}

/** Some columns of `[rows, width]`. */
function columns(values: Float32Array, width: number, first: number, count: number, rows: number): Float32Array {
  const picked = new Float32Array(rows * count);
  for (let row = 0; row < rows; row++) {
    picked.set(values.subarray(row * width + first, row * width + first + count), row * count);
  }
  return picked;
}

/** `plain`: KVzip's scores; `normalized`: KVzip+'s, weighed by the norm that a row adds to the residual stream. */
export type ReconstructionKind = "plain" | "normalized";

/**
 * Builds the graph of one layer's attention while the model repeats a segment of the context: softmax over sinks,
 * segment and repeated tokens only, then for each row of the segment the largest attention of any new query of the
 * group.
 *
 * Inputs: `query_keys` [1, S, (heads + kv heads) · head_dim] before rotation, `cos` and `sin` [S, head_dim / 2],
 * `positions` [1, S] into them, `mask` [G·S, R], and per kv head `context.<head>` [1, C, head_dim] (sinks and segment),
 * `repeated.<head>` [1, R, head_dim], `segment.<head>` [1]: the index of the segment's first row in the context, and
 * `rows.<head>` [1] = C. Where normalized: `output_norms.<head>` [G, 1, C − sinks] and `input_scales` [1, S, 1].
 * Outputs: `scores.<head>`, [C − sinks].
 */
export function buildReconstruction(config: ModelConfig, kind: ReconstructionKind): Uint8Array {
  const { numAttentionHeads: heads, numKeyValueHeads: kvHeads, headDim, traits } = config;
  const graph = new GraphBuilder(NO_WEIGHTS);
  const floats = (name: string, shape: (number | string)[]) => graph.input(name, ELEMENT.float32, shape);
  const axis = (index: number) => graph.integers([index]);
  const queryKeys = floats("query_keys", [1, "S", (heads + kvHeads) * headDim]);
  const [flat] = graph.node("Slice", [queryKeys, axis(0), graph.integers([heads * headDim]), axis(2)]);
  const [rotated] = graph.node(
    "RotaryEmbedding",
    [
      flat,
      graph.input("positions", ELEMENT.int64, [1, "S"]),
      floats("cos", ["S", headDim / 2]),
      floats("sin", ["S", headDim / 2]),
    ],
    1,
    { num_heads: heads, interleaved: 0 },
    "com.microsoft",
  );
  const apart = headsFirst(graph, rotated, heads, headDim);
  const [queries] = graph.node("Reshape", [apart, graph.integers([kvHeads, -1, headDim])]);
  const queriesOf = kvHeads === 1
    ? [queries]
    : graph.node("Split", [queries], kvHeads, { axis: 0, num_outputs: kvHeads });
  const mask = floats("mask", ["GS", "R"]);
  const scales = kind === "normalized" ? floats("input_scales", [1, "S", 1]) : "";
  const scale = { float: 1 / Math.sqrt(headDim) };
  for (let head = 0; head < kvHeads; head++) {
    const product = (keys: string) => {
      const [scores] = graph.node(
        "FusedMatMul",
        [queriesOf[head], keys],
        1,
        { transB: 1, alpha: scale },
        "com.microsoft",
      );
      return capped(graph, scores, traits.scoreCap);
    };
    const context = product(floats(`context.${head}`, [1, `C${head}`, headDim]));
    const [repeated] = graph.node("Add", [product(floats(`repeated.${head}`, [1, "R", headDim])), mask]);
    const [scores] = graph.node("Concat", [context, repeated], 1, { axis: 2 });
    const [probabilities] = graph.node("Softmax", [scores], 1, { axis: -1 });
    const segment = graph.input(`segment.${head}`, ELEMENT.int64, [1]);
    const rows = graph.input(`rows.${head}`, ELEMENT.int64, [1]);
    let [attention] = graph.node("Slice", [probabilities, segment, rows, axis(2)]);
    let reduced = [1];
    if (kind === "normalized") {
      const group = heads / kvHeads;
      const [shape] = graph.node("Shape", [attention], 1, { start: 2 });
      const [target] = graph.node("Concat", [graph.integers([group, -1]), shape], 1, { axis: 0 });
      const [members] = graph.node("Reshape", [attention, target]);
      const norms = floats(`output_norms.${head}`, [group, 1, `N${head}`]);
      const [weighed] = graph.node("Mul", [members, norms]);
      [attention] = graph.node("Mul", [weighed, scales]);
      reduced = [0, 1];
    }
    graph.node("ReduceMax", [attention, graph.integers(reduced)], [`scores.${head}`], { keepdims: 0 });
    graph.output(`scores.${head}`, ELEMENT.float32, kind === "normalized" ? [`N${head}`] : [1, `N${head}`]);
  }
  return graph.encode();
}
