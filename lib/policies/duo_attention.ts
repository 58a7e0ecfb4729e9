import { layerFrequencies, type RotaryFrequencies, type RotaryTables, rotaryTables } from "../numeric/rotary.ts";
import { softmax } from "../numeric/softmax.ts";
import type { Vector } from "../numeric/vectors.ts";
import { countsByLayer, headRows, nearRows } from "./budget.ts";
import { definePolicy, eachHead } from "./define_policy.ts";
import { checkCounts, type OptionsOf, withDefaults } from "./options.ts";
import { type Budget, type Layer, type Policy, SINK_TOKENS } from "./policy.ts";

/** Positions over which a head's reach is measured, as kvpress has it. */
const SPAN = 500;

/** Options of {@linkcode duoAttention}, with their defaults. */
export const DUO_ATTENTION_OPTIONS = {
  /** The newest rows that a streaming head keeps; a tighter budget leaves it fewer. */
  recentTokens: 128,
  /** The first tokens of the text, which stay in every head. */
  sinkTokens: SINK_TOKENS,
} as const;

/**
 * Retrieval heads and streaming heads: heads that reach far back keep all rows, the others sinks and the newest, and as many
 * heads keep all as the budget pays for. DuoAttention (Xiao et al. 2024, https://arxiv.org/abs/2410.10819); the paper trains
 * a number for each head, which nobody has for these models. Here a head's reach is measured on the text itself, as kvpress
 * measures it on others where it has no such numbers: {@linkcode headReach}.
 *
 * @throws {RangeError} if an option is no whole number
 */
export function duoAttention(options: OptionsOf<typeof DUO_ATTENTION_OPTIONS> = {}): Policy {
  const { recentTokens, sinkTokens } = withDefaults("duo_attention", DUO_ATTENTION_OPTIONS, options);
  checkCounts("duo_attention", { recentTokens, sinkTokens });
  return definePolicy({
    name: "duo_attention",
    paper: "Xiao et al. 2024, https://arxiv.org/abs/2410.10819",
    signals: ["queryMoments", "unrotatedKeys"],
    score: eachHead(({ positions }) => Float64Array.from(positions)),
    protect: { sinks: sinkTokens },
    allocate: (_, budget, layers) => shareByReach(layers, budget, { recentTokens, sinkTokens }),
  });
}

/**
 * Rows per layer and head, `[layer][kv head]`: every head has its sinks and newest rows, as far as its part of the budget
 * goes; what is left goes to the heads with the longest reach, all of their rows, one head after the other.
 */
function shareByReach(
  layers: readonly Layer[],
  budget: Budget,
  { recentTokens, sinkTokens }: { readonly recentTokens: number; readonly sinkTokens: number },
): Uint32Array[] {
  const heads = layers.flatMap((layer) => layer.heads);
  const lengths = heads.map(({ positions }) => positions.length);
  const longest = Math.max(0, ...lengths);
  const parts = lengths.map((length) => headRows(budget, length, longest));
  const counts = Uint32Array.from(
    heads,
    ({ positions }, head) => Math.min(nearRows(positions, sinkTokens, recentTokens), parts[head]),
  );
  let left = parts.reduce((sum, rows, head) => sum + rows - counts[head], 0);
  if (left === 0) return countsByLayer(counts, layers);
  const reach = layers.flatMap(reachOfLayer);
  for (const head of [...heads.keys()].sort((one, other) => reach[other] - reach[one])) {
    const more = Math.min(lengths[head] - counts[head], left);
    counts[head] += more;
    left -= more;
  }
  return countsByLayer(counts, layers);
}

/** The reach of each kv head of a layer; 0 of one without rows. */
function reachOfLayer({ index, heads, model: { rotary, headDim, groupSize } }: Layer): number[] {
  const model = { headDim, groupSize, turns: reachTurns(layerFrequencies(rotary, index)) };
  return heads.map(({ positions, signal }) =>
    positions.length === 0 ? 0 : headReach(signal("queryMoments"), signal("unrotatedKeys"), model)
  );
}

/** What {@linkcode headReach} knows of a layer. */
export interface ReachModel {
  /** How far distances turn a key: {@linkcode reachTurns}. */
  readonly turns: RotaryTables;
  /** Length of a key. */
  readonly headDim: number;
  /** Query heads of the kv head. */
  readonly groupSize: number;
}

/** Cosines and sines of the distances over which {@linkcode headReach} measures. */
export function reachTurns(frequencies: RotaryFrequencies): RotaryTables {
  return rotaryTables(frequencies, SPAN);
}

/**
 * How far back a kv head looks, in [0, 1], by kvpress's measure: were every query the mean query and every key the mean
 * key, how much of the newest query's attention lies before each of 500 positions, over positions the mean, over the query
 * heads of the group the mean. Near 0 it looks at its neighbors alone, near 1 at the first positions.
 *
 * @param moments `queryMoments` of the head, the means at `[member · (head_dim + head_dim²)]`
 * @param keys before rotation, `[rows, head_dim]`
 */
export function headReach(
  moments: Vector,
  keys: Vector,
  { turns, headDim, groupSize }: ReachModel,
): number {
  const key = new Float64Array(headDim);
  const rows = keys.length / headDim;
  for (let index = 0; index < keys.length; index++) key[index % headDim] += keys[index] / rows;
  const size = headDim + headDim ** 2;
  let sum = 0;
  for (let member = 0; member < groupSize; member++) {
    sum += queryReach(moments.subarray(member * size, member * size + headDim), key, turns) / groupSize;
  }
  return sum;
}

function queryReach(query: Vector, key: Float64Array, { cos, sin }: RotaryTables): number {
  const half = key.length / 2;
  const logits = new Float64Array(SPAN);
  for (let distance = 0; distance < SPAN; distance++) {
    let product = 0;
    for (let pair = 0; pair < half; pair++) {
      const turn = distance * half + pair;
      const along = query[pair] * key[pair] + query[pair + half] * key[pair + half];
      const across = query[pair] * key[pair + half] - query[pair + half] * key[pair];
      product += along * cos[turn] + across * sin[turn];
    }
    logits[SPAN - 1 - distance] = product / Math.sqrt(key.length);
  }
  let before = 0;
  let area = 0;
  for (const share of softmax(logits)) {
    before += share;
    area += before / SPAN;
  }
  return area;
}
