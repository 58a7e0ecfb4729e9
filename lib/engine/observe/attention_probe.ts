import { heldPositions } from "../../numeric/held_positions.ts";
import { type Rotary, type RotaryTables, rotaryTables } from "../../numeric/rotary.ts";
import type { ProbedRows } from "../rows/head_rows.ts";

/** The sizes of a model that its probe depends on. */
export interface ProbedModel {
  /** Layers. */
  readonly layerCount: number;
  /** kv heads of a layer. */
  readonly kvHeadCount: number;
  /** Length of a key or value vector. */
  readonly headDim: number;
  /** How positions turn the keys of each layer. */
  readonly rotary: Rotary;
}

/** Linear probes of one model, one a kv head. Each reads the keys and values of all kv heads of its layer. */
export interface AttentionProbe {
  /** `[layer, kv head, features]`, the constant last. */
  readonly weights: Float32Array;
  /** Means of the features, `[layer, features]`, in place of rows that a head has evicted. */
  readonly means: Float32Array;
}

/** Features of a token in a layer: value and key of each kv head, and a constant. */
export function probeWidth({ kvHeadCount, headDim }: ProbedModel): number {
  return 2 * kvHeadCount * headDim + 1;
}

/** The shapes of a model's probe. */
export function probeShapes(model: ProbedModel): Record<"weights" | "means", number[]> {
  const { layerCount, kvHeadCount } = model;
  const width = probeWidth(model);
  return { weights: [layerCount, kvHeadCount, width], means: [layerCount, width] };
}

/** Cosines and sines that rotate a layer's keys back to position 0, of all positions in use: `[positions, head_dim / 2]`. */
export type ProbeRotation = (layer: number) => RotaryTables;

/** Makes the rotation for these rows. */
export function probeRotation(heads: readonly ProbedRows[], { rotary }: ProbedModel): ProbeRotation {
  const last = heads.reduce((most, { rotaryPositions }) => Math.max(most, rotaryPositions.at(-1) ?? 0), 0);
  const tables = rotary.kinds.map((frequencies) => rotaryTables(frequencies, last + 1));
  return (layer) => tables[rotary.layers[layer]];
}

/**
 * Computes a probe's features of a layer's tokens: for each kv head the value and the key rotated back to position 0,
 * then 1. For a token that a head has evicted they are `means`, or zeros.
 *
 * @returns the features, `[tokens, features]`, and the tokens' positions in the text, ascending
 */
export function probeFeatures(
  heads: readonly ProbedRows[],
  model: ProbedModel,
  rotation: RotaryTables,
  means?: Float32Array,
): { features: Float32Array; positions: Int32Array } {
  const positions = heldPositions(heads);
  const { headDim } = model;
  const width = probeWidth(model);
  const features = new Float32Array(positions.length * width);
  for (let token = 0; token < positions.length; token++) {
    if (means !== undefined) features.set(means, token * width);
    features[(token + 1) * width - 1] = 1;
  }
  heads.forEach(({ keys, values, positions: own, rotaryPositions }, kvHead) => {
    for (let row = 0, token = 0; row < own.length; row++, token++) {
      while (positions[token] < own[row]) token++;
      const first = token * width + 2 * kvHead * headDim;
      for (let dim = 0; dim < headDim; dim++) features[first + dim] = values[row * headDim + dim];
      unrotate(keys, row * headDim, features, first + headDim, headDim / 2, rotation, rotaryPositions[row]);
    }
  });
  return { features, positions };
}

function unrotate(
  keys: Float32Array,
  from: number,
  into: Float32Array,
  to: number,
  half: number,
  { cos, sin }: RotaryTables,
  position: number,
): void {
  for (let pair = 0; pair < half; pair++) {
    const [c, s] = [cos[position * half + pair], sin[position * half + pair]];
    const [low, high] = [keys[from + pair], keys[from + pair + half]];
    into[to + pair] = low * c + high * s;
    into[to + pair + half] = high * c - low * s;
  }
}

/**
 * Predicts the log of the attention that each row will get from later queries.
 *
 * @param heads rows, `[layer · kv heads + kv head]`
 * @returns predictions in the same order, `[rows]` each
 */
export function predictAttention(
  { weights, means }: AttentionProbe,
  model: ProbedModel,
  heads: readonly ProbedRows[],
): Float32Array[] {
  const { layerCount, kvHeadCount } = model;
  const width = probeWidth(model);
  const rotation = probeRotation(heads, model);
  return Array.from({ length: layerCount }, (_, layer) => {
    const own = heads.slice(layer * kvHeadCount, (layer + 1) * kvHeadCount);
    const mean = means.subarray(layer * width, (layer + 1) * width);
    const { features, positions } = probeFeatures(own, model, rotation(layer), mean);
    return own.map((head, kvHead) => {
      const weight = weights.subarray(
        (layer * kvHeadCount + kvHead) * width,
        (layer * kvHeadCount + kvHead + 1) * width,
      );
      const predicted = new Float32Array(head.positions.length);
      for (let row = 0, token = 0; row < predicted.length; row++, token++) {
        while (positions[token] < head.positions[row]) token++;
        predicted[row] = dot(features, token * width, weight);
      }
      return predicted;
    });
  }).flat();
}

/** A dot product in four sums, as one sum would wait for each addition. */
function dot(features: Float32Array, first: number, weights: Float32Array): number {
  let [one, two, three, four] = [0, 0, 0, 0];
  let feature = 0;
  for (; feature + 3 < weights.length; feature += 4) {
    one += weights[feature] * features[first + feature];
    two += weights[feature + 1] * features[first + feature + 1];
    three += weights[feature + 2] * features[first + feature + 2];
    four += weights[feature + 3] * features[first + feature + 3];
  }
  for (; feature < weights.length; feature++) one += weights[feature] * features[first + feature];
  return one + two + three + four;
}
