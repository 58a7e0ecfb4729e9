import { innerProduct } from "../../numeric/vectors.ts";
import type { ModelConfig } from "../checkpoint/checkpoint.ts";

/** The sizes of a model that its query filters depend on. */
export interface FilteredModel {
  /** Layers. */
  readonly layerCount: number;
  /** kv heads of a layer. */
  readonly kvHeadCount: number;
  /** Length of a key. */
  readonly headDim: number;
}

/** The query filters of one model (Godey et al. 2025, https://arxiv.org/abs/2503.02812), one a kv head. */
export interface QueryFilters {
  /** `[layer, kv head, head_dim]`: *against* the direction of the queries, under the name that the authors' files have. */
  readonly q_filters: Float32Array;
}

/** The sizes of the model of a configuration. */
export function filteredModel(
  { numHiddenLayers, numKeyValueHeads, headDim }: Pick<
    ModelConfig,
    "numHiddenLayers" | "numKeyValueHeads" | "headDim"
  >,
): FilteredModel {
  return { layerCount: numHiddenLayers, kvHeadCount: numKeyValueHeads, headDim };
}

/** The shapes of a model's filters. */
export function queryFilterShapes({ layerCount, kvHeadCount, headDim }: FilteredModel): Record<"q_filters", number[]> {
  return { q_filters: [layerCount, kvHeadCount, headDim] };
}

/**
 * How far each key points along its head's queries: minus its product with the head's filter.
 *
 * @param keys as they are cached, `[layer · kv heads + kv head]`, `[rows, head_dim]` each
 * @returns responses in the same order, `[rows]` each
 */
export function filterResponses(
  { q_filters: filters }: QueryFilters,
  { headDim }: FilteredModel,
  keys: readonly Float32Array[],
): Float32Array[] {
  return keys.map((own, head) =>
    Float32Array.from(
      { length: own.length / headDim },
      (_, row) => -innerProduct(own, row * headDim, filters, head * headDim, headDim),
    )
  );
}
