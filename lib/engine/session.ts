import * as onnxruntime from "onnxruntime-node";
import type { ModelConfig } from "./checkpoint.ts";
import { layerInputName } from "./decoder_layers.ts";
import { rotaryTables } from "./rotary.ts";

/** The past rows of one kv head, fed as they lie: `[P, head_dim]` each. */
export interface PastRows {
  /** Rotated keys, `[P, head_dim]`. */
  readonly keys: Float32Array;
  /** Values, `[P, head_dim]`. */
  readonly values: Float32Array;
}

/** A value that every layer has: queries and keys before rotation, or the layer's normalised input. */
export type LayerValue = "queryKeys" | "layerInputs";

/** One run of the decoder over S new tokens. */
export interface DecoderInputs {
  /** Token ids, `[S]`. */
  readonly ids: ArrayLike<number>;
  /** Rotary position of the first new token; the others follow. */
  readonly rotaryPosition: number;
  /** `[layer · kv heads + kv head]` */
  readonly past: readonly PastRows[];
  /** `[R, G · S]`: what each new query adds to each of R taps. */
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
  /** `[layers · kv heads, S, head_dim]` */
  readonly newKeys: Float32Array;
  /** `[layers · kv heads, S, head_dim]` */
  readonly newValues: Float32Array;
  /** For each head in turn `[R, P + S]`, its R rows strided by the sum over all heads; empty where R is 0. */
  readonly attention: Float32Array;
  /** By layer `[S, (heads + kv heads) · head_dim]`; empty unless asked for. */
  readonly queryKeys: readonly Float32Array[];
  /** By layer `[S, hidden]`; empty unless asked for. */
  readonly layerInputs: readonly Float32Array[];
}

/** Options of {@linkcode openSession}. */
export interface SessionOptions {
  /** Threads of a matrix product; as many as there are cores by default. */
  readonly threads?: number;
}

/** A built decoder, open in onnxruntime. It holds no cache: every run brings its own. */
export interface DecoderSession extends AsyncDisposable {
  /** Runs the decoder once. */
  run(inputs: DecoderInputs): Promise<DecoderOutputs>;
}

/** Opens a model file; its weights are mapped from the file beside it. */
export async function openSession(
  modelPath: string,
  config: ModelConfig,
  { threads = navigator.hardwareConcurrency }: SessionOptions = {},
): Promise<DecoderSession> {
  const session = await onnxruntime.InferenceSession.create(modelPath, {
    intraOpNumThreads: threads,
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
  });
  const names = pastNames(config);
  const layers = [...Array(config.numHiddenLayers).keys()];
  const layerNames = {
    queryKeys: layers.map((layer) => `query_keys.${layer}`),
    layerInputs: layers.map(layerInputName),
  };
  return {
    run: async (inputs) => {
      const feeds = feed(inputs, config, names);
      const wanted = (value: LayerValue) => inputs.layerValues?.includes(value) ? layerNames[value] : [];
      const fetches = [
        ...["logits", "new_keys", "new_values"],
        ...(inputs.queryWeights.length > 0 ? ["attention"] : []),
        ...wanted("queryKeys"),
        ...wanted("layerInputs"),
      ];
      const outputs = await session.run(feeds, fetches);
      const values = (name: string) => (outputs[name]?.data ?? new Float32Array(0)) as Float32Array;
      return {
        logits: values("logits"),
        newKeys: values("new_keys"),
        newValues: values("new_values"),
        attention: values("attention"),
        queryKeys: wanted("queryKeys").map(values),
        layerInputs: wanted("layerInputs").map(values),
      };
    },
    [Symbol.asyncDispose]: () => session.release(),
  };
}

/** Numbers that go into a graph. */
export interface GraphInput {
  /** Row-major. */
  readonly values: Float32Array | BigInt64Array;
  /** Rows first. */
  readonly shape: readonly number[];
}

/** A small graph open in onnxruntime. */
export interface GraphSession extends AsyncDisposable {
  /** Runs it once; gives the named outputs. */
  run(inputs: Readonly<Record<string, GraphInput>>, outputs: readonly string[]): Promise<Record<string, Float32Array>>;
}

/** Opens a graph that lives in memory. */
export async function openGraph(
  graph: Uint8Array,
  { threads = navigator.hardwareConcurrency }: SessionOptions = {},
): Promise<GraphSession> {
  const session = await onnxruntime.InferenceSession.create(graph, { intraOpNumThreads: threads, logSeverityLevel: 3 });
  return {
    run: async (inputs, names) => {
      const feeds = Object.entries(inputs).map(([name, { values, shape }]) => {
        const tensor = values instanceof Float32Array
          ? new onnxruntime.Tensor("float32", values, shape)
          : new onnxruntime.Tensor("int64", values, shape);
        return [name, tensor] as const;
      });
      const outputs = await session.run(Object.fromEntries(feeds), [...names]);
      return Object.fromEntries(names.map((name) => [name, outputs[name].data as Float32Array]));
    },
    [Symbol.asyncDispose]: () => session.release(),
  };
}

function pastNames({ numHiddenLayers, numKeyValueHeads }: ModelConfig): { key: string; value: string }[] {
  return Array.from({ length: numHiddenLayers * numKeyValueHeads }, (_, index) => {
    const name = `past.${Math.floor(index / numKeyValueHeads)}.${index % numKeyValueHeads}`;
    return { key: `${name}.key`, value: `${name}.value` };
  });
}

function feed(
  { ids, rotaryPosition, past, queryWeights, logitsRows }: DecoderInputs,
  config: ModelConfig,
  names: readonly { key: string; value: string }[],
): Record<string, onnxruntime.Tensor> {
  const { Tensor } = onnxruntime;
  const count = ids.length;
  const integers = (values: BigInt64Array, shape: number[]) => new Tensor("int64", values, shape);
  const queries = (config.numAttentionHeads / config.numKeyValueHeads) * count;
  const { cos, sin } = rotaryTables(config, count, rotaryPosition);
  const feeds: Record<string, onnxruntime.Tensor> = {
    input_ids: integers(BigInt64Array.from(ids, BigInt), [1, count]),
    rotary_cos: new Tensor("float32", cos, [count, config.headDim / 2]),
    rotary_sin: new Tensor("float32", sin, [count, config.headDim / 2]),
    causal_mask: new Tensor("float32", causalMask(queries, count), [queries, count]),
    minus_new: integers(BigInt64Array.of(BigInt(-count)), [1]),
    query_weights: new Tensor("float32", queryWeights, [queryWeights.length / queries, queries]),
    logits_rows: integers(BigInt64Array.from(logitsRows, BigInt), [logitsRows.length]),
  };
  for (let head = 0; head < past.length; head++) {
    const { keys, values } = past[head];
    const shape = [1, keys.length / config.headDim, config.headDim];
    feeds[names[head].key] = new Tensor("float32", keys, shape);
    feeds[names[head].value] = new Tensor("float32", values, shape);
  }
  return feeds;
}

/** Added to the scores among new tokens: 0 up to a query's own position, beyond it too low to count. */
function causalMask(queries: number, count: number): Float32Array {
  const mask = new Float32Array(queries * count);
  for (let query = 0; query < queries; query++) {
    mask.fill(-1e9, query * count + (query % count) + 1, (query + 1) * count);
  }
  return mask;
}
