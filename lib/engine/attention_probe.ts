import { keyRotation } from "./rotary.ts";

/** What a probe needs to know of its model. */
export interface ProbedModel {
  /** Layers. */
  readonly layerCount: number;
  /** kv heads of a layer. */
  readonly kvHeadCount: number;
  /** Length of a key or value vector. */
  readonly headDim: number;
  /** Base of the rotary frequencies. */
  readonly ropeTheta: number;
}

/** Linear probes of one model, one a kv head, all reading the whole layer's row of a token. */
export interface AttentionProbe {
  /** `[layer, kv head, features]`, the constant last. */
  readonly weights: Float32Array;
  /** The features' means, `[layer, features]`: what stands in for a row that a head no longer has. */
  readonly means: Float32Array;
}

/** The rows of one kv head. */
export interface ProbedRows {
  /** `[rows, head_dim]`, rotated. */
  readonly keys: Float32Array;
  /** `[rows, head_dim]`. */
  readonly values: Float32Array;
  /** Position in the text of each row, ascending: `[rows]`. */
  readonly positions: Int32Array;
  /** Position that each key is rotated to: `[rows]`. */
  readonly rotaryPositions: Int32Array;
}

/** Features of a token in a layer: value and key of each kv head, and a constant. */
export function probeWidth({ kvHeadCount, headDim }: ProbedModel): number {
  return 2 * kvHeadCount * headDim + 1;
}

/**
 * A layer's tokens as a probe sees them: for each kv head the value and the key turned back to position 0, then 1. Where a
 * head has evicted the token, `means` stands in, or zeros.
 *
 * @returns the features, `[tokens, features]`, and the tokens' positions in the text, ascending
 */
export function probeFeatures(
  heads: readonly ProbedRows[],
  model: ProbedModel,
  means?: Float32Array,
): { features: Float32Array; positions: Int32Array } {
  const positions = Int32Array.from(new Set(heads.flatMap((head) => [...head.positions]))).sort();
  const place = new Map(Array.from(positions, (position, token) => [position, token]));
  const { headDim } = model;
  const width = probeWidth(model);
  const features = new Float32Array(positions.length * width);
  for (let token = 0; token < positions.length; token++) {
    if (means !== undefined) features.set(means, token * width);
    features[(token + 1) * width - 1] = 1;
  }
  const rotate = keyRotation(model);
  heads.forEach((head, kvHead) =>
    head.positions.forEach((position, row) => {
      const value = place.get(position)! * width + 2 * kvHead * headDim;
      features.set(head.values.subarray(row * headDim, (row + 1) * headDim), value);
      const key = features.subarray(value + headDim, value + 2 * headDim);
      key.set(head.keys.subarray(row * headDim, (row + 1) * headDim));
      rotate(key, -head.rotaryPositions[row]);
    })
  );
  return { features, positions };
}

/**
 * What a probe expects of every row: the log of the attention it will be paid. `[layer · kv heads + kv head]`, `[rows]`
 * each.
 *
 * @param heads in the same order
 */
export function predictAttention(
  { weights, means }: AttentionProbe,
  model: ProbedModel,
  heads: readonly ProbedRows[],
): Float32Array[] {
  const { layerCount, kvHeadCount } = model;
  const width = probeWidth(model);
  return Array.from({ length: layerCount }, (_, layer) => {
    const own = heads.slice(layer * kvHeadCount, (layer + 1) * kvHeadCount);
    const { features, positions } = probeFeatures(own, model, means.subarray(layer * width, (layer + 1) * width));
    const place = new Map(Array.from(positions, (position, token) => [position, token]));
    return own.map((head, kvHead) => {
      const first = (layer * kvHeadCount + kvHead) * width;
      return Float32Array.from(head.positions, (position) => {
        const token = place.get(position)! * width;
        let sum = 0;
        for (let feature = 0; feature < width; feature++) sum += weights[first + feature] * features[token + feature];
        return sum;
      });
    });
  }).flat();
}
