import { MersenneTwister } from "../../numeric/mersenne_twister.ts";

/** Options of sampling; without a temperature the likeliest token is taken. */
export interface SamplingOptions {
  /** Above 0: flattens (high) or sharpens (low) the distribution. */
  readonly temperature?: number;
  /** Draws among the likeliest tokens whose probabilities add up to this, in (0, 1]. */
  readonly topP?: number;
  /** Seed of the draws; 42 by default. */
  readonly seed?: number;
}

/** Draws a token id from logits, `[vocab]`. */
export type Sampler = (logits: Float32Array) => number;

/**
 * Makes a sampler: greedy, or nucleus sampling (Holtzman et al. 2019, https://arxiv.org/abs/1904.09751).
 *
 * @throws {RangeError} if the temperature is not above 0 or `topP` outside (0, 1]
 */
export function createSampler({ temperature, topP = 1, seed = 42 }: SamplingOptions = {}): Sampler {
  if (temperature === undefined) return likeliest;
  if (!(temperature > 0)) throw new RangeError(`Cannot sample at temperature ${temperature} as it must be above 0`);
  if (!(topP > 0 && topP <= 1)) throw new RangeError(`Cannot sample with topP ${topP} as it must be in (0, 1]`);
  const stream = new MersenneTwister(seed);
  return (logits) => draw(logits, temperature, topP, stream.random());
}

/** The id of the highest logit; of equal ones the lowest id. */
export function likeliest(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id] > logits[best]) best = id;
  return best;
}

function draw(logits: Float32Array, temperature: number, topP: number, chance: number): number {
  const highest = logits[likeliest(logits)];
  const weights = Float64Array.from(logits, (logit) => Math.exp((logit - highest) / temperature));
  const ids = Uint32Array.from(weights.keys()).sort((a, b) => weights[b] - weights[a] || a - b);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let nucleus = 0;
  let size = 0;
  while (size < ids.length && nucleus < topP * total) nucleus += weights[ids[size++]];
  let left = chance * nucleus;
  for (let index = 0; index < size; index++) {
    left -= weights[ids[index]];
    if (left < 0) return ids[index];
  }
  return ids[size - 1];
}
