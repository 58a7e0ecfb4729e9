/** What a rotation needs to know of a model. */
export interface RotaryFacts {
  /** Length of a key vector, even. */
  readonly headDim: number;
  /** Base of the rotary frequencies. */
  readonly ropeTheta: number;
}

/** Angle per position of each pair (i, i + head_dim / 2): `[head_dim / 2]` (RoPE, https://arxiv.org/abs/2104.09864). */
export function rotaryFrequencies({ headDim, ropeTheta }: RotaryFacts): Float64Array {
  return Float64Array.from({ length: headDim / 2 }, (_, pair) => ropeTheta ** (-2 * pair / headDim));
}

/** Cosines and sines of `count` positions from `first` on: `[count, head_dim / 2]` each. */
export function rotaryTables(
  facts: RotaryFacts,
  count: number,
  first = 0,
): { cos: Float32Array<ArrayBuffer>; sin: Float32Array<ArrayBuffer> } {
  const frequencies = rotaryFrequencies(facts);
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
export function keyRotation(facts: RotaryFacts): KeyRotation {
  const frequencies = rotaryFrequencies(facts);
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
