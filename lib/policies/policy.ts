import type { DISPLAY, DisplayBundle } from "../display/display.ts";
import type { Rotary } from "../numeric/rotary.ts";
import type { Vector } from "../numeric/vectors.ts";

/**
 * The first tokens of a text, to which nearly every query attends whatever they say: attention sinks (StreamingLLM,
 * Xiao et al. 2023, https://arxiv.org/abs/2309.17453).
 */
export const SINK_TOKENS = 4;

/**
 * A signal that a policy reads, one value (or one vector) a row:
 * - `keys`, `values`: the cached vectors, `[rows, head_dim]`;
 * - `unrotatedKeys`: the keys as they were before their positions turned them, `[rows, head_dim]`;
 * - `novelty`: how little a token repeats, in [0, 1] (simulator, replay and engine define it alike);
 * - `outputNorm1`: ‖W_o v‖₁, what a row's value writes into the residual stream, over the query heads the mean;
 * - `queryMoments`: of the text's queries before rotation, sinks left out: for each query head of the group the mean
 *   `[head_dim]`, then the covariance `[head_dim, head_dim]`;
 * - `reconstruction`, `normalizedReconstruction`: the most attention a row got while the text was repeated (KVzip,
 *   KVzip+);
 * - `predictedAttention`: what a linear probe of the model's expects the logarithm of `reconstruction` to be, from keys
 *   and values alone;
 * - `filterResponse`: how far the row's key points along the queries of the model's head, whatever the text;
 * - `predictedReconstruction`: what linear maps of the model's expect the logarithm of `normalizedReconstruction` to be,
 *   from what goes into a token's layers; recorded while the token is read;
 * - `nonCausalAttention`: the attention that a row gets from all queries of its chunk if none is masked, later and earlier
 *   ones alike, summed, over the group's heads the mean; recorded while the chunk is read;
 * - `laterAttention`: the attention that tokens to come will pay a row; evaluation and replay know it, nobody else does;
 * - `{ attention, queries }`: the attention a row received, over its kv head's query heads the mean, from `queries`
 *   last queries (`"all"`: from every query since the row exists), summed or the maximum.
 */
export type Signal =
  | "keys"
  | "values"
  | "unrotatedKeys"
  | "novelty"
  | "outputNorm1"
  | "queryMoments"
  | "reconstruction"
  | "normalizedReconstruction"
  | "predictedAttention"
  | "filterResponse"
  | "predictedReconstruction"
  | "nonCausalAttention"
  | "laterAttention"
  | { readonly attention: "sum" | "max"; readonly queries: "all" | number; readonly decay?: number };

/** The rows of one kv head in one layer, as a policy sees them. */
export interface Head {
  /** Position in the text of each row, ascending: `[rows]`. */
  readonly positions: Int32Array;
  /** A signal of these rows: `[rows]`, or `[rows, head_dim]` for vectors. Throws a TypeError where it was not recorded. */
  signal(signal: Signal): Vector;
}

/** What policies may know of a model. */
export interface ModelFacts {
  /** Layers. */
  readonly layerCount: number;
  /** Length of a key or value vector. */
  readonly headDim: number;
  /** Query heads that share one kv head. */
  readonly groupSize: number;
  /** How positions turn the keys of each layer. */
  readonly rotary: Rotary;
}

/** One layer, its kv heads in order. */
export interface Layer {
  /** Its place, from 0. */
  readonly index: number;
  /** Its kv heads. */
  readonly heads: readonly Head[];
  /** The model it is of. */
  readonly model: ModelFacts;
}

/** How much to keep: the fraction of rows removed, and the rows that leaves per head. */
export interface Budget {
  /** Fraction of rows removed, in [0, 1). */
  readonly ratio: number;
  /** Target rows per head: `max(1, floor(rows · (1 − ratio)))`. */
  readonly rows: number;
}

/** Scores of one layer, `[kv head][row]`: the highest stay. */
export type Scores = readonly Vector[];

/** The rows that stay in one head: indices into its rows, ascending and unique. */
export interface HeadChoice {
  /** Indices into the head's rows. */
  readonly rows: Uint32Array;
}

/** The rows that stay, `[layer][kv head]`. */
export type Choice = readonly (readonly HeadChoice[])[];

/** Chooses the rows of a cache that stay; all that a runner ever calls. */
export interface Policy {
  /** The name it goes by. */
  readonly name: string;
  /** The signals it reads. */
  readonly signals: readonly Signal[];
  /** What it is made of, where a wrapper may wrap it. */
  readonly definition?: PolicyDefinition;
  /** `own`: numbers of its own or the text set how much stays, whatever the budget; by default the budget sets it. */
  readonly size?: "own";
  /** Chooses rows for every layer and head; reads nothing but its arguments. */
  choose(layers: readonly Layer[], budget: Budget): Choice;
  /** What a notebook's cell shows of it; {@linkcode definePolicy} gives one. */
  [DISPLAY]?(): DisplayBundle;
}

/** Rows that always stay: the first tokens of the text and the newest rows. */
export interface Protection {
  /** Rows at positions below this. */
  readonly sinks?: number;
  /** This many of the newest rows of each head. */
  readonly recent?: number;
}

/** A policy as data and pure functions: what `definePolicy` completes and a wrapper may wrap. */
export interface PolicyDefinition {
  /** The name it goes by. */
  readonly name: string;
  /** Where the method is from: authors, year, link. */
  readonly paper?: string;
  /** The signals it reads. */
  readonly signals: readonly Signal[];
  /** Scores one layer's rows. */
  score(layer: Layer, budget: Budget): Scores;
  /** Protected rows are raised to the layer's maximum + 1. */
  readonly protect?: Protection;
  /** `own`: {@linkcode PolicyDefinition.allocate} heeds no budget, and chooses at ratio 0 as well. */
  readonly size?: "own";
  /** Rows per layer and head, `[layer][kv head]`; default: the budget's rows in each. */
  allocate?(scores: readonly Scores[], budget: Budget, layers: readonly Layer[]): readonly Uint32Array[];
  /** Rows that stay in each head, given their number; default: the top of the scores. */
  select?(scores: Scores, counts: Uint32Array, budget: Budget): readonly Uint32Array[];
}
