import type { Vector } from "../numeric/vectors.ts";
import { definePolicy, eachHead } from "./define_policy.ts";
import { checkCounts, type OptionsOf, withDefaults } from "./options.ts";
import { type Policy, SINK_TOKENS } from "./policy.ts";

/** Options of {@linkcode lagkv}, with their defaults. */
export const LAGKV_OPTIONS = {
  /** The first rows, which stay. */
  sinkTokens: SINK_TOKENS,
  /** Rows of a partition, compared with the rows of the next one. */
  lagSize: 128,
} as const;

/**
 * Rows whose keys and values vary most, measured by the range of the partition that follows: LagKV (Liang et al. 2025,
 * https://arxiv.org/abs/2504.04704). Scores are ranks within a partition; the sinks, the last whole partition and what
 * remains stay. Where there are no two partitions, the sinks and the newest stay.
 */
export function lagkv(options: OptionsOf<typeof LAGKV_OPTIONS> = {}): Policy {
  const { sinkTokens, lagSize } = withDefaults("lagkv", LAGKV_OPTIONS, options);
  checkCounts("lagkv", { sinkTokens });
  checkCounts("lagkv", { lagSize }, 1);
  return definePolicy({
    name: "lagkv",
    paper: "Liang et al. 2025, https://arxiv.org/abs/2504.04704",
    signals: ["keys", "values"],
    score: eachHead((head, { model }) => {
      const rows = head.positions.length;
      const scores = new Float64Array(rows).fill(1);
      if (rows < sinkTokens + 2 * lagSize) {
        for (let row = sinkTokens; row < rows; row++) scores[row] = (row - sinkTokens) / (rows - sinkTokens);
        return scores;
      }
      const [keys, values] = [head.signal("keys"), head.signal("values")];
      const partitions = Math.floor((rows - sinkTokens) / lagSize);
      for (let partition = 0; partition < partitions - 1; partition++) {
        const first = sinkTokens + partition * lagSize;
        const ofKeys = deviations(keys, first, lagSize, model.headDim);
        const ofValues = deviations(values, first, lagSize, model.headDim);
        scores.set(ranks(ofKeys.map((score, row) => (score + ofValues[row]) / 2)).map((rank) => rank / lagSize), first);
      }
      return scores;
    }),
  });
}

/** How far the rows from `first` spread over their dimensions, each scaled to the next partition's range: a softmax. */
function deviations(vectors: Vector, first: number, lag: number, width: number): Float64Array {
  const { low, scale } = ranges(vectors, first + lag, lag, width);
  const spreads = new Float64Array(lag);
  for (let offset = 0; offset < lag; offset++) {
    const start = (first + offset) * width;
    let sum = 0;
    let squares = 0;
    for (let index = 0; index < width; index++) {
      const value = (vectors[start + index] - low[index]) * scale[index];
      sum += value;
      squares += value * value;
    }
    spreads[offset] = Math.sqrt(Math.max(0, squares - sum * sum / width) / (width - 1));
  }
  const most = spreads.reduce((highest, spread) => Math.max(highest, spread), -Infinity);
  const weights = spreads.map((spread) => Math.exp(spread - most));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** The least value of each dimension over some rows, and 1 / range, or 0 where it does not vary: `[width]` each. */
function ranges(vectors: Vector, first: number, rows: number, width: number): Record<"low" | "scale", Float64Array> {
  const [low, scale] = [new Float64Array(width), new Float64Array(width)];
  const end = (first + rows) * width;
  for (let index = 0; index < width; index++) {
    let least = Infinity;
    let most = -Infinity;
    for (let at = first * width + index; at < end; at += width) {
      const value = vectors[at];
      if (value < least) least = value;
      if (value > most) most = value;
    }
    low[index] = least;
    scale[index] = most === least ? 0 : 1 / (most - least);
  }
  return { low, scale };
}

/** The rank of each value in ascending order, from 0; of equal values the earlier comes first. */
function ranks(values: Float64Array): Float64Array {
  const order = [...values.keys()].sort((one, other) => values[one] - values[other] || one - other);
  const placed = new Float64Array(values.length);
  order.forEach((row, rank) => placed[row] = rank);
  return placed;
}
