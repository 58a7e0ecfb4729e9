import { layerFrequencies, type RotaryFrequencies } from "../numeric/rotary.ts";
import type { Vector } from "../numeric/vectors.ts";
import { headRows } from "./budget.ts";
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
  const heads = layers.flatMap((layer) => layer.heads.map((head) => ({ layer, head, length: head.positions.length })));
  const longest = Math.max(0, ...heads.map(({ length }) => length));
  const parts = heads.map(({ length }) => headRows(budget, length, longest));
  const counts = heads.map(({ head: { positions }, length }, index) => {
    const near = positions.filter((at, row) => at < sinkTokens || row >= length - recentTokens).length;
    return Math.min(near, parts[index]);
  });
  let left = parts.reduce((sum, rows, index) => sum + rows - counts[index], 0);
  const reach = heads.map(({ layer, head, length }) =>
    length === 0 ? 0 : headReach(head.signal("queryMoments"), head.signal("unrotatedKeys"), {
      frequencies: layerFrequencies(layer.model.rotary, layer.index),
      headDim: layer.model.headDim,
      groupSize: layer.model.groupSize,
    })
  );
  for (const index of [...heads.keys()].sort((one, other) => reach[other] - reach[one])) {
    const more = Math.min(heads[index].length - counts[index], left);
    counts[index] += more;
    left -= more;
  }
  let first = 0;
  return layers.map((layer) => Uint32Array.from(counts.slice(first, first += layer.heads.length)));
}

/** What {@linkcode headReach} knows of a layer. */
export interface ReachModel {
  /** Angles a position, `[head_dim / 2]`. */
  readonly frequencies: RotaryFrequencies;
  /** Length of a key. */
  readonly headDim: number;
  /** Query heads of the kv head. */
  readonly groupSize: number;
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
  { frequencies, headDim, groupSize }: ReachModel,
): number {
  const key = new Float64Array(headDim);
  const rows = keys.length / headDim;
  for (let index = 0; index < keys.length; index++) key[index % headDim] += keys[index] / rows;
  const size = headDim + headDim ** 2;
  let sum = 0;
  for (let member = 0; member < groupSize; member++) {
    sum += queryReach(moments.subarray(member * size, member * size + headDim), key, frequencies) / groupSize;
  }
  return sum;
}

function queryReach(query: Vector, key: Float64Array, frequencies: RotaryFrequencies): number {
  const half = key.length / 2;
  const logits = new Float64Array(SPAN);
  for (let position = 0; position < SPAN; position++) {
    const distance = SPAN - 1 - position;
    for (let pair = 0; pair < half; pair++) {
      const angle = distance * frequencies[pair];
      const [first, second] = [query[pair], query[pair + half]];
      const along = first * key[pair] + second * key[pair + half];
      const across = first * key[pair + half] - second * key[pair];
      logits[position] += along * Math.cos(angle) + across * Math.sin(angle);
    }
    logits[position] /= Math.sqrt(key.length);
  }
  const highest = logits.reduce((most, value) => Math.max(most, value), -Infinity);
  const powers = logits.map((value) => Math.exp(value - highest));
  const total = powers.reduce((all, value) => all + value, 0);
  let before = 0;
  let area = 0;
  for (const power of powers) {
    before += power / total;
    area += before / SPAN;
  }
  return area;
}
