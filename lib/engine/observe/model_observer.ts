import type { Rotary } from "../../numeric/rotary.ts";
import type { CacheObserver, KvCache } from "../cache/kv_cache.ts";
import type { ChunkMoments } from "../cache/state/query_moments.ts";
import type { ModelConfig } from "../checkpoint/checkpoint.ts";
import { narrowestWindow } from "../rows/cache_shape.ts";
import type { DecoderPool } from "../runtime/decoder_pool.ts";
import { type GraphSession, openGraph } from "../runtime/graph_session.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { type AttentionProbe, predictAttention, probeShapes } from "./attention_probe.ts";
import { buildMoments, chunkMoments } from "./chunk_moments.ts";
import { readFitted } from "./fitted_weights.ts";
import { type KvzapMaps, kvzapModel, kvzapShapes, predictReconstruction } from "./kvzap.ts";
import { buildNonCausalAttention, nonCausalAttention } from "./non_causal_attention.ts";
import { allOutputNorms, buildOutputNorms, readProjections } from "./output_norms.ts";
import { filteredModel, filterResponses, type QueryFilters, queryFilterShapes } from "./query_filters.ts";
import { buildReconstruction, reconstruction } from "./reconstruction.ts";
import { repetitions } from "./repetitions.ts";

/** The model's parts that a {@linkcode ModelObserver} uses. */
export interface ObservedModel {
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  readonly sessions: DecoderPool;
  /** The checkpoint's path. */
  readonly path: string;
  /** sha256 of the checkpoint's content, hex. */
  readonly hash: string;
}

/** The small graphs beside a model's decoder. Each is opened for the first signal that takes it. */
export class ModelObserver implements AsyncDisposable {
  readonly #moments: Lazy<GraphSession>;
  readonly #model: ObservedModel;
  readonly #plain: Lazy<GraphSession>;
  readonly #nonCausal: Lazy<GraphSession>;
  readonly #normalized: Lazy<GraphSession>;
  readonly #norms: Lazy<GraphSession>;
  readonly #projections: Lazy<Float32Array[]>;
  #probe?: AttentionProbe;
  #maps?: KvzapMaps;
  #filters?: QueryFilters;

  constructor(model: ObservedModel) {
    const { config, path } = model;
    const groupSize = config.numAttentionHeads / config.numKeyValueHeads;
    this.#model = model;
    // It runs between the decoder's chunks: a second thread would spin beside the decoder's.
    this.#moments = new Lazy(() => openGraph(buildMoments(config), { threads: 1 }));
    this.#nonCausal = new Lazy(() => openGraph(buildNonCausalAttention(config), { threads: 1 }));
    this.#plain = new Lazy(() => openGraph(buildReconstruction(config, "plain")));
    this.#normalized = new Lazy(() => openGraph(buildReconstruction(config, "normalized")));
    this.#norms = new Lazy(() => openGraph(buildOutputNorms({ headDim: config.headDim, groupSize })));
    this.#projections = new Lazy(() => readProjections(path, config));
  }

  /** Computes an observed signal of a cache of this model. */
  readonly observe: CacheObserver = async (cache, signal, options) => {
    const { config, sessions, tokenizer } = this.#model;
    if (signal === "predictedAttention") {
      return predictAttention(
        this.#probe ??= readFitted("attention_probe", this.#model.hash, probeShapes(cache.shape)),
        { ...cache.shape, rotary: cache.rotary },
        cache.probedRows(),
      );
    }
    if (signal === "filterResponse") {
      const filtered = filteredModel(config);
      this.#filters ??= readFitted("qfilter", this.#model.hash, queryFilterShapes(filtered));
      return filterResponses(this.#filters, filtered, cache.probedRows().map(({ keys }) => keys));
    }
    const norms = async () =>
      await allOutputNorms(await this.#norms.get(), cache.shape, cache.past(), await this.#projections.get(), options);
    if (signal === "outputNorm1") return (await norms()).map(({ norm1 }) => norm1);
    const segments = repetitions(tokenizer, cache.tokenIds());
    const longest = Math.max(0, ...segments.map(({ ids }) => ids.length));
    checkRepetition(cache, longest, config);
    return signal === "reconstruction"
      ? reconstruction({ config, sessions, graph: await this.#plain.get() }, cache, segments, options)
      : reconstruction(
        { config, sessions, graph: await this.#normalized.get(), norms: await norms() },
        cache,
        segments,
        options,
      );
  };

  /** The moments of a chunk's queries, by layer: see {@linkcode chunkMoments}. */
  async moments(queryKeys: readonly Float32Array[], position: number): Promise<ChunkMoments[] | undefined> {
    return await chunkMoments(await this.#moments.get(), this.#model.config, queryKeys, position);
  }

  /** What KVzap predicts of a chunk's rows: see {@linkcode predictReconstruction}. */
  predict(layerInputs: readonly Float32Array[]): Float32Array[] {
    const { config, hash } = this.#model;
    const model = kvzapModel(config);
    this.#maps ??= readFitted("kvzap", hash, kvzapShapes(model));
    return predictReconstruction(this.#maps, model, layerInputs);
  }

  /** What a chunk's tokens would look at without a mask: see {@linkcode nonCausalAttention}. */
  async nonCausalAttention(
    queryKeys: readonly Float32Array[],
    rotary: Rotary,
    position: number,
  ): Promise<Float32Array[]> {
    return await nonCausalAttention(await this.#nonCausal.get(), this.#model.config, queryKeys, rotary, position);
  }

  /** Closes the graphs that were opened. */
  async [Symbol.asyncDispose](): Promise<void> {
    const graphs = [this.#moments, this.#nonCausal, this.#plain, this.#normalized, this.#norms];
    for (const graph of graphs) await graph[Symbol.asyncDispose]();
  }
}

/** Throws a RangeError where so many tokens more would be read otherwise than the text before them. */
function checkRepetition(cache: KvCache, count: number, { maxPositionEmbeddings }: ModelConfig): void {
  const { shape, nextRotaryPosition, rotation } = cache;
  const limits: readonly [number, string][] = [
    [maxPositionEmbeddings, "the model's context"],
    [narrowestWindow(shape), "every layer's window"],
    [rotation === "within" ? shape.rotaryBeyond?.length ?? Infinity : Infinity, "the length of its rotary embedding"],
  ];
  for (const [limit, what] of limits) {
    if (nextRotaryPosition + count <= limit) continue;
    throw new RangeError(
      `Cannot repeat ${count} tokens at position ${nextRotaryPosition} as ${what} is ${limit}: ` +
        `shorten the text, or take a policy that reads it once`,
    );
  }
}

/** A value that the first call of `get` opens. */
class Lazy<Value> implements AsyncDisposable {
  readonly #open: () => Promise<Value>;
  #value?: Promise<Value>;

  constructor(open: () => Promise<Value>) {
    this.#open = open;
  }

  /** The value, the same at every call. */
  get(): Promise<Value> {
    return this.#value ??= this.#open();
  }

  /** Closes the value, if it was opened and is disposable. */
  async [Symbol.asyncDispose](): Promise<void> {
    const value = await this.#value;
    this.#value = undefined;
    await (value as Partial<AsyncDisposable> | undefined)?.[Symbol.asyncDispose]?.();
  }
}
