import type { ModelConfig } from "./checkpoint.ts";

/** What a rotation needs to know of a model. */
export type RotaryFacts = Pick<ModelConfig, "headDim" | "ropeTheta">;

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
export function rotateKey(key: Float32Array, positions: number, frequencies: Float64Array): void {
  if (positions === 0) return;
  const half = frequencies.length;
  for (let pair = 0; pair < half; pair++) {
    const cos = Math.cos(positions * frequencies[pair]);
    const sin = Math.sin(positions * frequencies[pair]);
    const [first, second] = [key[pair], key[pair + half]];
    key[pair] = first * cos - second * sin;
    key[pair + half] = second * cos + first * sin;
  }
}
