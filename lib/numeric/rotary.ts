/**
 * Angles, in radians, by which one position turns the pairs (i, i + head_dim / 2) of a query or key: `[head_dim / 2]`.
 * A pair of frequency 0 does not turn.
 */
export type RotaryFrequencies = readonly number[];

/**
 * The rotary embedding of a model's layers (RoPE, https://arxiv.org/abs/2104.09864). Most models have layers of one kind;
 * some turn the layers with a window by other frequencies, or some layers not at all.
 */
export interface Rotary {
  /** Frequencies of each kind of layer. */
  readonly kinds: readonly RotaryFrequencies[];
  /** The kind of each layer, an index of `kinds`: `[layers]`. */
  readonly layers: readonly number[];
}

/** What becomes of a rotary embedding where a text passes a length. */
export interface RotaryBeyond {
  /** Positions for which the shorter texts' frequencies hold. */
  readonly length: number;
  /** The embedding of every position of a longer text; undefined where each length would have one of its own. */
  readonly rotary?: Rotary;
}

/** Whether a text is within the length of a {@linkcode RotaryBeyond}, or beyond it. */
export type RotaryLength = "within" | "beyond";

/** The frequencies that RoPE's paper gives: ropeTheta^(−2i / head_dim) for pair i. */
export function defaultFrequencies(headDim: number, ropeTheta: number): RotaryFrequencies {
  return Array.from({ length: headDim / 2 }, (_, pair) => ropeTheta ** (-2 * pair / headDim));
}

/** The rotary embedding of one layer whose rows have no keys. */
export const NO_ROTATION: Rotary = { kinds: [[]], layers: [0] };

/** The frequencies of one layer. */
export function layerFrequencies({ kinds, layers }: Rotary, layer: number): RotaryFrequencies {
  return kinds[layers[layer]];
}

/** Cosines and sines of `count` positions from `first` on: `[count, head_dim / 2]` each. */
export interface RotaryTables {
  readonly cos: Float32Array<ArrayBuffer>;
  readonly sin: Float32Array<ArrayBuffer>;
}

/** Makes the cosines and sines of `count` positions from `first` on. */
export function rotaryTables(frequencies: RotaryFrequencies, count: number, first = 0): RotaryTables {
  const cos = new Float32Array(count * frequencies.length);
  const sin = new Float32Array(cos.length);
  for (let position = first, index = 0; position < first + count; position++) {
    for (const frequency of frequencies) {
      cos[index] = Math.cos(position * frequency);
      sin[index++] = Math.sin(position * frequency);
    }
  }
  return { cos, sin };
}

/** Turns a rotated key, `[head_dim]`, by `positions` further positions, in place; backwards where negative. */
export type KeyRotation = (key: Float32Array, positions: number) => void;

/** Makes a rotation of keys. Rows mostly move together, so the angles of the last move are remembered. */
export function keyRotation(frequencies: RotaryFrequencies): KeyRotation {
  const half = frequencies.length;
  const [cos, sin] = [new Float64Array(half), new Float64Array(half)];
  let remembered = 0;
  return (key, positions) => {
    if (positions === 0) return;
    if (positions !== remembered) {
      for (let pair = 0; pair < half; pair++) {
        cos[pair] = Math.cos(positions * frequencies[pair]);
        sin[pair] = Math.sin(positions * frequencies[pair]);
      }
      remembered = positions;
    }
    for (let pair = 0; pair < half; pair++) {
      const first = key[pair];
      const second = key[pair + half];
      key[pair] = first * cos[pair] - second * sin[pair];
      key[pair + half] = second * cos[pair] + first * sin[pair];
    }
  };
}

/** The rotation of many positions, averaged: the mean cosine and sine of each pair's angle, `[head_dim / 2]` each. */
export interface MeanRotation {
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}

/** Averages the rotations to `count` positions from `first` on. */
export function meanRotation(frequencies: RotaryFrequencies, first: number, count: number): MeanRotation {
  const [cos, sin] = [new Float64Array(frequencies.length), new Float64Array(frequencies.length)];
  for (const [pair, frequency] of frequencies.entries()) {
    // Σ exp(i·p·ω) over p from first on is a geometric series: its middle term times sin(count·ω/2) / sin(ω/2).
    const length = frequency === 0 ? 1 : Math.sin(count * frequency / 2) / Math.sin(frequency / 2) / count;
    const middle = (first + (count - 1) / 2) * frequency;
    cos[pair] = length * Math.cos(middle);
    sin[pair] = length * Math.sin(middle);
  }
  return { cos, sin };
}

/** Turns a vector, `[head_dim]`, in place: the one that begins at `start`, its elements `stride` apart. */
export function rotateVector(vectors: Float64Array, { cos, sin }: MeanRotation, start = 0, stride = 1): void {
  const half = cos.length;
  for (let pair = 0; pair < half; pair++) {
    const [low, high] = [start + pair * stride, start + (pair + half) * stride];
    const [first, second] = [vectors[low], vectors[high]];
    vectors[low] = cos[pair] * first - sin[pair] * second;
    vectors[high] = cos[pair] * second + sin[pair] * first;
  }
}
