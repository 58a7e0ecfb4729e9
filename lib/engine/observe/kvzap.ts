import type { ModelConfig } from "../checkpoint/checkpoint.ts";
import { innerProduct } from "../../numeric/vectors.ts";

/** The sizes of a model that its KVzap maps depend on. */
export interface KvzapModel {
  /** Layers. */
  readonly layerCount: number;
  /** kv heads of a layer. */
  readonly kvHeadCount: number;
  /** Numbers of a layer's input. */
  readonly hiddenSize: number;
}

/**
 * KVzap's linear maps of one model (2026, https://arxiv.org/abs/2601.07891): from a layer's input, after its norm, to the
 * logarithm of KVzip+'s score in each kv head.
 */
export interface KvzapMaps {
  /** `[layer, kv head, hidden + 1]`, the constant last. */
  readonly weights: Float32Array;
}

/** The sizes of the model of a configuration. */
export function kvzapModel(
  { numHiddenLayers, numKeyValueHeads, hiddenSize }: Pick<
    ModelConfig,
    "numHiddenLayers" | "numKeyValueHeads" | "hiddenSize"
  >,
): KvzapModel {
  return { layerCount: numHiddenLayers, kvHeadCount: numKeyValueHeads, hiddenSize };
}

/** The shapes of a model's maps. */
export function kvzapShapes({ layerCount, kvHeadCount, hiddenSize }: KvzapModel): Record<"weights", number[]> {
  return { weights: [layerCount, kvHeadCount, hiddenSize + 1] };
}

/**
 * Predicts the logarithm of KVzip+'s scores of a chunk's rows.
 *
 * @param layerInputs by layer `[S, hidden]`
 * @returns predictions, `[layer · kv heads + kv head]`, `[S]` each
 */
export function predictReconstruction(
  { weights }: KvzapMaps,
  { kvHeadCount, hiddenSize }: KvzapModel,
  layerInputs: readonly Float32Array[],
): Float32Array[] {
  return layerInputs.flatMap((inputs, layer) =>
    Array.from({ length: kvHeadCount }, (_, kvHead) => {
      const first = (layer * kvHeadCount + kvHead) * (hiddenSize + 1);
      const constant = weights[first + hiddenSize];
      return Float32Array.from(
        { length: inputs.length / hiddenSize },
        (_, token) => innerProduct(inputs, token * hiddenSize, weights, first, hiddenSize) + constant,
      );
    })
  );
}
