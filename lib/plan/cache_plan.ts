import { checkOptions, type OptionNames } from "../numeric/nearest_name.ts";
import { type CacheDtype, FLOAT32_CACHE, GROUP_ROWS, parseCacheDtype } from "../engine/rows/cache_dtype.ts";
import { roundedBytes } from "../engine/rows/row_bytes.ts";
import { budgetForRatio } from "../policies/budget.ts";
import type { CacheLayout } from "./cache_layout.ts";
import type { LayerState, RowState } from "./layer_state.ts";

/** How the rows of a planned cache are held. */
export type PlannedDtype = "f32" | "f16" | "int8" | "int4";

/** Bytes by how rows are held. */
export type BytesByDtype = Readonly<Record<PlannedDtype, number>>;

/** Layers of a model that keep the same. */
export interface PlannedLayers {
  /** What they keep. */
  readonly kind: LayerState["kind"];
  /** Layers that keep it. */
  readonly layers: number;
  /** The most rows of a head: a window's or a chunk's tokens; null where there is no limit. */
  readonly row_limit: number | null;
  /** KV heads of a layer; 0 where no rows are kept. */
  readonly kv_heads: number;
  /** Numbers of a key. */
  readonly key_dim: number;
  /** Numbers of a value. */
  readonly value_dim: number;
  /** Rows of a head at this context. */
  readonly rows: number;
  /** Bytes that one more token takes in all these layers and sequences, up to the limit. */
  readonly bytes_per_token: BytesByDtype;
  /** Bytes of all these layers and sequences at this context. */
  readonly bytes: BytesByDtype;
}

/** What a compression ratio leaves. */
export interface PlannedSize {
  /** Share of rows removed from layers that see the whole text. */
  readonly compression_ratio: number;
  /** Bytes of the whole cache. */
  readonly bytes: BytesByDtype;
}

/** The longest context that a budget holds. */
export interface PlannedContext {
  /** Share of rows removed from layers that see the whole text. */
  readonly compression_ratio: number;
  /** Tokens by how rows are held: 0 where not one fits, null where any number does. */
  readonly tokens: Readonly<Record<PlannedDtype, number | null>>;
}

/** The sizes of a model's cache. */
export interface CachePlan {
  /** config.json's `model_type`, or a GGUF file's `general.architecture`. */
  readonly model_type: string;
  /** Tokens that the model was trained for; null where its configuration is silent. */
  readonly trained_context: number | null;
  /** Tokens of each sequence. */
  readonly context: number;
  /** Sequences. */
  readonly batch: number;
  /** What is kept, by kind, in the order in which kinds come first. */
  readonly layers: readonly PlannedLayers[];
  /** The whole cache, by compression ratio. */
  readonly sizes: readonly PlannedSize[];
  /** The budget in bytes; null where none is given. */
  readonly budget: number | null;
  /** What the budget holds, by compression ratio; empty without a budget. */
  readonly longest_contexts: readonly PlannedContext[];
}

/** Options of {@linkcode planCache}. */
export interface PlanOptions {
  /** Tokens of each sequence. */
  readonly context: number;
  /** Sequences; 1 by default. */
  readonly batch?: number;
  /** Shares of rows to remove; 0, 0.5, 0.75 and 0.875 by default. */
  readonly compressionRatios?: readonly number[];
  /** Bytes that the cache may take. */
  readonly budget?: number;
}

const PLAN_OPTIONS: OptionNames<PlanOptions> = { context: true, batch: true, compressionRatios: true, budget: true };

/** No text is longer; also what stands for any number of tokens. */
const MAX_CONTEXT = 2 ** 32;
const MAX_BATCH = 2 ** 16;
const RATIOS = [0, 0.5, 0.75, 0.875];

/**
 * How rows are held. f16 is the 16-bit cache that most programs keep: every row in 2 bytes a number. int8 and int4 are
 * this engine's, with their scales and with the newest 32 rows of each head in float32.
 */
const DTYPES: Readonly<Record<PlannedDtype, CacheDtype>> = {
  f32: FLOAT32_CACHE,
  f16: parseCacheDtype("f16", 0),
  int8: parseCacheDtype("int8"),
  int4: parseCacheDtype("int4"),
};

/**
 * Sizes a cache before there is one. Rows are counted as this engine counts them ({@linkcode KvCache.liveBytes}).
 * Windows and chunks hold no more rows than their tokens. Ratios apply to layers that see the whole text, full and
 * latent attention, as kvpress leaves the windows of Gemma 3 alone. States of fixed size are float32, as llama.cpp
 * holds them, whatever rows are. Weights and working memory come on top.
 *
 * @throws {RangeError} if the context, the batch, a ratio or the budget is out of range, or a size passes 2^53 − 1
 *
 * @example Qwen2.5-0.5B at its trained length
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { planCache, publishedLayout } from "kvmirror";
 *
 * const plan = planCache(publishedLayout("qwen2.5-0.5b"), { context: 32_768, budget: 2 ** 27 });
 * assertEquals(plan.layers[0].bytes_per_token.f16, 12_288);
 * assertEquals(plan.sizes[0].bytes.f16, 12_288 * 32_768);
 * assertEquals(plan.longest_contexts[0].tokens.f16, 10_922);
 * ```
 */
export function planCache(layout: CacheLayout, options: PlanOptions): CachePlan {
  checkOptions("planCache", options, PLAN_OPTIONS);
  const { context, batch = 1, compressionRatios = RATIOS, budget } = options;
  checkWhole("a context of", context, "tokens", MAX_CONTEXT);
  checkWhole("a batch of", batch, "sequences", MAX_BATCH);
  if (budget !== undefined && !(budget > 0)) {
    throw new RangeError(`Cannot plan for ${budget} bytes as a budget must be above 0`);
  }
  const groups = groupStates(layout);
  const sizes = compressionRatios.map((ratio) => ({
    compression_ratio: ratio,
    bytes: byDtype((dtype) => exact(batch * cacheBytes(groups, context, ratio, dtype))),
  }));
  const longest = budget === undefined ? [] : compressionRatios.map((ratio) => ({
    compression_ratio: ratio,
    tokens: byDtype((dtype) => longestContext((tokens) => batch * cacheBytes(groups, tokens, ratio, dtype) <= budget)),
  }));
  return {
    model_type: layout.modelType,
    trained_context: layout.trainedContext ?? null,
    context,
    batch,
    layers: groups.map((group) => plannedLayers(group, context, batch)),
    sizes,
    budget: budget ?? null,
    longest_contexts: longest,
  };
}

/** Layers that keep the same, and how many they are. */
interface Group {
  readonly state: LayerState;
  readonly count: number;
}

function groupStates({ layers }: CacheLayout): Group[] {
  const groups = new Map<string, Group>();
  for (const state of layers.flat()) {
    const key = JSON.stringify(state);
    groups.set(key, { state, count: (groups.get(key)?.count ?? 0) + 1 });
  }
  return [...groups.values()];
}

function plannedLayers({ state, count }: Group, context: number, batch: number): PlannedLayers {
  const rows = isRows(state) ? state : undefined;
  return {
    kind: state.kind,
    layers: count,
    row_limit: rows?.rowLimit ?? null,
    kv_heads: rows?.kvHeads ?? 0,
    key_dim: rows?.keyDim ?? 0,
    value_dim: rows?.valueDim ?? 0,
    rows: rows === undefined ? 0 : Math.min(context, rows.rowLimit ?? Infinity),
    bytes_per_token: byDtype((dtype) => rows === undefined ? 0 : batch * count * tokenBytes(rows, dtype)),
    bytes: byDtype((dtype) => batch * count * stateBytes(state, context, 0, dtype)),
  };
}

function cacheBytes(groups: readonly Group[], context: number, ratio: number, dtype: CacheDtype): number {
  return groups.reduce((sum, { state, count }) => sum + count * stateBytes(state, context, ratio, dtype), 0);
}

/** Bytes of one layer's state. */
function stateBytes(state: LayerState, context: number, ratio: number, dtype: CacheDtype): number {
  if (state.kind === "shared rows") return 0;
  if (!isRows(state)) return state.values * Float32Array.BYTES_PER_ELEMENT;
  const rows = state.rowLimit === undefined ? budgetForRatio(context, ratio).rows : Math.min(context, state.rowLimit);
  return state.kvHeads * roundedBytes(rows, dtype, state.keyDim, state.valueDim);
}

/** Bytes that a token adds to one layer once its row is older than the residual. */
function tokenBytes({ kvHeads, keyDim, valueDim }: RowState, dtype: CacheDtype): number {
  const bytes = (rows: number) => roundedBytes(dtype.residualLength + rows, dtype, keyDim, valueDim);
  return kvHeads * (bytes(GROUP_ROWS) - bytes(0)) / GROUP_ROWS;
}

/** The most tokens that fit, where fewer always fit too: 0 where none, null where any number does. */
function longestContext(fits: (tokens: number) => boolean): number | null {
  if (fits(MAX_CONTEXT)) return null;
  let [most, tooMany] = [0, MAX_CONTEXT];
  while (tooMany - most > 1) {
    const middle = Math.floor((most + tooMany) / 2);
    if (fits(middle)) most = middle;
    else tooMany = middle;
  }
  return most;
}

function byDtype<T>(size: (dtype: CacheDtype) => T): Record<PlannedDtype, T> {
  return { f32: size(DTYPES.f32), f16: size(DTYPES.f16), int8: size(DTYPES.int8), int4: size(DTYPES.int4) };
}

function isRows(state: LayerState): state is RowState {
  return "kvHeads" in state;
}

function exact(bytes: number): number {
  if (bytes <= Number.MAX_SAFE_INTEGER) return bytes;
  throw new RangeError(`Cannot count ${bytes} bytes as the limit is 2^53 - 1: plan for fewer tokens or sequences`);
}

function checkWhole(what: string, value: number, unit: string, most: number): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return;
  throw new RangeError(`Cannot plan for ${what} ${value} ${unit} as it must be a whole number from 1 to ${most}`);
}
