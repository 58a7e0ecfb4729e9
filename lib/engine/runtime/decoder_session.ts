import * as onnxruntime from "onnxruntime-node";
import { type Rotary, rotaryTables } from "../../numeric/rotary.ts";
import type { ModelConfig } from "../checkpoint/checkpoint.ts";
import { rotaryNames, rowNames } from "../graph/attention_graph.ts";
import { layerInputName } from "../graph/decoder_layers.ts";
import { quantizedNames, type QuantizedPart, quantizedParts } from "../graph/quantized_attention_graph.ts";
import { hasWindows } from "../rows/cache_shape.ts";
import type { RunRows } from "../rows/head_rows.ts";
import type { QuantizedVectors } from "../rows/quantized_vectors.ts";
import type { SessionOptions } from "./graph_session.ts";
import type { IntegerProducts } from "./integer_products.ts";
import { openOptimized } from "./optimized_graph.ts";

/** Up to here a run that copies scores is faster than one that copies keys. */
const FEW_TOKENS = 9;

/** A value that every layer has: queries and keys before rotation, or the layer's normalised input. */
export type LayerValue = "queryKeys" | "layerInputs";

/** One run of the decoder over S new tokens. */
export interface DecoderInputs {
  /** Token ids, `[S]`. */
  readonly ids: ArrayLike<number>;
  /** How positions turn the new tokens' queries and keys. */
  readonly rotary: Rotary;
  /** Rotary position of the first new token; the others follow. */
  readonly rotaryPosition: number;
  /** Rows and room for the S new ones, which the run writes: `[layer · kv heads + kv head]`. */
  readonly rows: readonly RunRows[];
  /** `[R, S · G]`: what each new query adds to each of R recordings. */
  readonly queryWeights: Float32Array;
  /** Which of the new tokens to give logits for. */
  readonly logitsRows: readonly number[];
  /** Values of every layer to give as well; none by default. */
  readonly layerValues?: readonly LayerValue[];
}

/** What a run gives. */
export interface DecoderOutputs {
  /** `[M, vocab]` */
  readonly logits: Float32Array;
  /** For each head in turn `[R, P + S]`, its R rows strided by the sum over all heads; empty where R is 0. */
  readonly attention: Float32Array;
  /** By layer `[S, (heads + kv heads) · head_dim]`; empty unless asked for. */
  readonly queryKeys: readonly Float32Array[];
  /** By layer `[S, hidden]`; empty unless asked for. */
  readonly layerInputs: readonly Float32Array[];
}

/** A built decoder, open in onnxruntime. It holds no cache: every run brings its own. */
export interface DecoderSession extends AsyncDisposable {
  /** Runs the decoder once. */
  run(inputs: DecoderInputs): Promise<DecoderOutputs>;
}

/** Options of {@linkcode openSession}. */
export interface DecoderOptions extends SessionOptions {
  /** How weights in whole numbers are multiplied; `native` by default. */
  readonly products?: IntegerProducts;
}

/** Opens a model file; its weights are mapped from the file beside it. */
export async function openSession(
  modelPath: string,
  config: ModelConfig,
  { threads = navigator.hardwareConcurrency, profile, products }: DecoderOptions = {},
): Promise<DecoderSession> {
  const session = await openOptimized(modelPath, {
    intraOpNumThreads: threads,
    logSeverityLevel: 3,
    ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
  }, products);
  const names = Array.from(
    { length: config.numHiddenLayers * config.numKeyValueHeads },
    (_, index) => rowNames(Math.floor(index / config.numKeyValueHeads), index % config.numKeyValueHeads),
  );
  const layers = [...Array(config.numHiddenLayers).keys()];
  const layerNames = {
    queryKeys: layers.map((layer) => `query_keys.${layer}`),
    layerInputs: layers.map(layerInputName),
  };
  return {
    run: async (inputs) => {
      const wanted = (value: LayerValue) => inputs.layerValues?.includes(value) ? layerNames[value] : [];
      const run = { ...inputs, decoding: decodes(inputs) };
      const { feeds, fetches } = placeRows(run, config, names, config.numKeyValueHeads);
      for (
        const name of [
          "logits",
          ...(inputs.queryWeights.length > 0 ? ["attention"] : []),
          ...wanted("queryKeys"),
          ...wanted("layerInputs"),
        ]
      ) fetches[name] = null;
      const outputs = await session.run({ ...feeds, ...feed(run, config) }, fetches);
      const values = (name: string) => (outputs[name]?.data ?? new Float32Array(0)) as Float32Array;
      return {
        logits: values("logits"),
        attention: values("attention"),
        queryKeys: wanted("queryKeys").map(values),
        layerInputs: wanted("layerInputs").map(values),
      };
    },
    [Symbol.asyncDispose]: () => {
      if (profile !== undefined) session.endProfiling();
      return session.release();
    },
  };
}

/** One run, and whether it is one of one token alone, without recordings, which takes a way of its own. */
interface DecoderRun extends DecoderInputs {
  readonly decoding: boolean;
}

/** What goes in and where the run's own rows come out: at the end of what goes in. */
function placeRows(
  inputs: DecoderRun,
  { headDim }: ModelConfig,
  names: readonly ReturnType<typeof rowNames>[],
  heads: number,
): { feeds: Record<string, onnxruntime.Tensor>; fetches: Record<string, onnxruntime.Tensor | null> } {
  const { Tensor } = onnxruntime;
  const { ids, rows, decoding } = inputs;
  const feeds: Record<string, onnxruntime.Tensor> = {};
  const fetches: Record<string, onnxruntime.Tensor | null> = {};
  for (let head = 0; head < rows.length; head++) {
    const { keys, values, quantized, positions } = rows[head];
    const [count, name] = [keys.length / headDim, names[head]];
    const past = (count - ids.length) * headDim;
    feeds[name.keys] = new Tensor("float32", keys, [1, 1, count, headDim]);
    feeds[name.values] = new Tensor("float32", values, [1, 1, count, headDim]);
    fetches[name.newKeys] = new Tensor("float32", keys.subarray(past), [1, ids.length, headDim]);
    fetches[name.newValues] = new Tensor("float32", values.subarray(past), [1, ids.length, headDim]);
    if (positions !== undefined) {
      const seen = decoding ? positions.subarray(0, 0) : positions;
      feeds[name.positions] = new Tensor("int32", seen, [seen.length]);
    }
    if (quantized === undefined) continue;
    const [layer, kvHead] = [Math.floor(head / heads), head % heads];
    feedQuantized(feeds, quantizedNames("keys", layer, kvHead), quantized.keys);
    feedQuantized(feeds, quantizedNames("values", layer, kvHead), quantized.values);
  }
  return { feeds, fetches };
}

function feedQuantized(
  feeds: Record<string, onnxruntime.Tensor>,
  names: ReturnType<typeof quantizedNames>,
  { format, headDim, count, codes, scales, mins, groups }: QuantizedVectors,
): void {
  const { Tensor } = onnxruntime;
  const shape = [1, 1, count, format.dtype === "int4" ? headDim / 2 : headDim];
  const grid = format.granularity === "channel" ? [scales.length / headDim, headDim] : [count];
  const tensors: Record<QuantizedPart, () => onnxruntime.Tensor> = {
    codes: () =>
      codes instanceof Float32Array
        ? new Tensor("float32", codes, shape)
        : codes instanceof Uint16Array
        ? new Tensor("float16", codes, shape)
        : new Tensor("uint8", codes, shape),
    scales: () => new Tensor("float32", scales, grid),
    mins: () => new Tensor("float32", mins, grid),
    groups: () => new Tensor("int32", groups, [count]),
  };
  for (const part of quantizedParts(format)) feeds[names[part]] = tensors[part]();
}

function decodes({ ids, queryWeights, rows }: DecoderInputs): boolean {
  // A head without quantized rows has no largest number among them: it takes the way that needs none.
  return ids.length === 1 && queryWeights.length === 0 && rows.every(({ quantized }) => quantized?.keys.count !== 0);
}

function feed(inputs: DecoderRun, config: ModelConfig): Record<string, onnxruntime.Tensor> {
  const { ids, rotary, rotaryPosition, queryWeights, logitsRows, decoding } = inputs;
  const { Tensor } = onnxruntime;
  const count = ids.length;
  const integers = (values: BigInt64Array, shape: number[]) => new Tensor("int64", values, shape);
  const groupSize = config.numAttentionHeads / config.numKeyValueHeads;
  const queries = groupSize * count;
  return {
    input_ids: integers(BigInt64Array.from(ids, BigInt), [1, count]),
    ...(hasWindows(config)
      ? { query_positions: new Tensor("int32", queryPositions(queries, groupSize, rotaryPosition), [queries, 1]) }
      : {}),
    ...rotaryFeeds(rotary, config.headDim, count, rotaryPosition),
    causal_mask: new Tensor("float32", causalMask(count, groupSize), [queries, count]),
    minus_new: integers(BigInt64Array.of(BigInt(-count)), [1]),
    decoding: new Tensor("bool", [decoding], []),
    few: new Tensor("bool", [count <= FEW_TOKENS && queryWeights.length === 0], []),
    query_weights: new Tensor("float32", queryWeights, [queryWeights.length / queries, queries]),
    logits_rows: integers(BigInt64Array.from(logitsRows, BigInt), [logitsRows.length]),
  };
}

/** Cosines and sines of the new tokens' positions, for each kind of layer. */
function rotaryFeeds(
  rotary: Rotary,
  headDim: number,
  count: number,
  first: number,
): Record<string, onnxruntime.Tensor> {
  return Object.fromEntries(rotary.kinds.flatMap((frequencies, kind) => {
    const [tables, names] = [rotaryTables(frequencies, count, first), rotaryNames(kind)];
    return (["cos", "sin"] as const).map((of) =>
      [names[of], new onnxruntime.Tensor("float32", tables[of], [count, headDim / 2])] as const
    );
  }));
}

function queryPositions(queries: number, groupSize: number, first: number): Int32Array {
  return Int32Array.from({ length: queries }, (_, query) => first + Math.floor(query / groupSize));
}

/** Added to the scores among new tokens: 0 up to a query's own position, beyond it too low to count. */
function causalMask(count: number, groupSize: number): Float32Array {
  const mask = new Float32Array(groupSize * count * count);
  for (let query = 0; query < groupSize * count; query++) {
    mask.fill(-1e9, query * count + Math.floor(query / groupSize) + 1, (query + 1) * count);
  }
  return mask;
}
