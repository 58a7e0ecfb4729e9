import { layerFrequencies, meanRotation, type Rotary, rotateVector } from "../../numeric/rotary.ts";
import { topDirection } from "../../numeric/top_direction.ts";
import { SINK_TOKENS } from "../../policies/policy.ts";
import type { ModelConfig } from "../checkpoint/checkpoint.ts";
import { filteredModel, type QueryFilters } from "./query_filters.ts";

/** The parts of a configuration that a fit of query filters uses. */
export type QueryFiltersConfig = Pick<
  ModelConfig,
  "numHiddenLayers" | "numAttentionHeads" | "numKeyValueHeads" | "headDim"
>;

/** What one query head's queries add up to. */
interface QuerySums {
  /** Σ q, `[head_dim]`. */
  readonly sum: Float64Array;
  /** Σ q qᵀ, `[head_dim, head_dim]`, below the diagonal and on it. */
  readonly products: Float64Array;
}

/**
 * Fits query filters, text by text: of each query head the first right singular vector of its queries, turned to where
 * they point; of a kv head the mean over its query heads. It keeps sums of products, no text.
 */
export class QueryFiltersFit {
  readonly #config: QueryFiltersConfig;
  readonly #heads: readonly QuerySums[];
  #tokens = 0;

  constructor(config: QueryFiltersConfig) {
    const { numHiddenLayers, numAttentionHeads, headDim } = config;
    this.#config = config;
    this.#heads = Array.from({ length: numHiddenLayers * numAttentionHeads }, () => ({
      sum: new Float64Array(headDim),
      products: new Float64Array(headDim ** 2),
    }));
  }

  /** Tokens learned from so far. */
  get tokens(): number {
    return this.#tokens;
  }

  /**
   * Learns from a text.
   *
   * @param queryKeys queries and keys before rotation, by layer, `[tokens, (heads + kv heads) · head_dim]`
   * @param rotary how positions turn the queries, the first of which is at 0
   * @param first the first token that counts: queries of the sinks are outliers
   */
  add(queryKeys: readonly Float32Array[], rotary: Rotary, first: number = SINK_TOKENS): void {
    const { numAttentionHeads: heads, numKeyValueHeads, headDim } = this.#config;
    const width = (heads + numKeyValueHeads) * headDim;
    const tokens = queryKeys[0].length / width;
    queryKeys.forEach((values, layer) => {
      for (let token = first; token < tokens; token++) {
        const rotation = meanRotation(layerFrequencies(rotary, layer), token, 1);
        for (let head = 0; head < heads; head++) {
          const from = token * width + head * headDim;
          const query = new Float64Array(values.subarray(from, from + headDim));
          rotateVector(query, rotation);
          addQuery(this.#heads[layer * heads + head], query);
        }
      }
    });
    this.#tokens += Math.max(0, tokens - first);
  }

  /**
   * The filters of what was added.
   *
   * @throws {RangeError} if nothing was
   */
  solve(): QueryFilters {
    if (this.#tokens === 0) throw new RangeError("Cannot fit query filters to no tokens: add texts first");
    const { numAttentionHeads, numKeyValueHeads, headDim } = this.#config;
    const groupSize = numAttentionHeads / numKeyValueHeads;
    const { layerCount, kvHeadCount } = filteredModel(this.#config);
    const filters = new Float32Array(layerCount * kvHeadCount * headDim);
    this.#heads.forEach((sums, head) => {
      const first = Math.floor(head / groupSize) * headDim;
      queryDirection(sums).forEach((value, dim) => filters[first + dim] -= value / groupSize);
    });
    return { q_filters: filters };
  }
}

function addQuery({ sum, products }: QuerySums, query: Float64Array): void {
  const size = query.length;
  for (let row = 0; row < size; row++) {
    const value = query[row];
    sum[row] += value;
    for (let column = 0, at = row * size; column <= row; column++, at++) products[at] += value * query[column];
  }
}

/** The direction along which a head's queries lie, turned to where their sum points: `[head_dim]`. */
function queryDirection({ sum, products }: QuerySums): Float64Array {
  const size = sum.length;
  const whole = products.slice();
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < row; column++) whole[column * size + row] = whole[row * size + column];
  }
  const direction = topDirection(whole, size);
  const along = direction.reduce((total, value, dim) => total + value * sum[dim], 0);
  return along < 0 ? direction.map((value) => -value) : direction;
}
