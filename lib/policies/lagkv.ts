import { definePolicy, eachHead } from "./define_policy.ts";
import type { Policy, Vector } from "./policy.ts";

/** Options of {@linkcode lagkv}. */
export interface LagkvOptions {
  /** The first rows, which stay; 4 by default. */
  readonly sinkTokens?: number;
  /** Rows of a partition, compared with those of the next one; 128 by default. */
  readonly lagSize?: number;
}

/**
 * Rows whose keys and values vary most, measured by the range of the partition that follows: LagKV (Liang et al. 2025,
 * https://arxiv.org/abs/2504.04704). Scores are ranks within a partition; the sinks, the last whole partition and what
 * remains stay. Where there are no two partitions, the sinks and the newest stay.
 */
export function lagkv({ sinkTokens = 4, lagSize = 128 }: LagkvOptions = {}): Policy {
  return definePolicy({
    name: "lagkv",
    paper: "Liang et al. 2025, https://arxiv.org/abs/2504.04704",
    needs: ["keys", "values"],
    score: eachHead((head, { model }) => {
      const rows = head.positions.length;
      const scores = new Float64Array(rows).fill(1);
      if (rows < sinkTokens + 2 * lagSize) {
        for (let row = sinkTokens; row < rows; row++) scores[row] = (row - sinkTokens) / (rows - sinkTokens);
        return scores;
      }
      const partitions = Math.floor((rows - sinkTokens) / lagSize);
      for (let partition = 0; partition < partitions - 1; partition++) {
        const first = sinkTokens + partition * lagSize;
        const ofKeys = deviations(head.signal("keys"), first, lagSize, model.headDim);
        const ofValues = deviations(head.signal("values"), first, lagSize, model.headDim);
        scores.set(ranks(ofKeys.map((score, row) => (score + ofValues[row]) / 2)).map((rank) => rank / lagSize), first);
      }
      return scores;
    }),
  });
}

/** How far the rows from `first` spread over their dimensions, each scaled to the next partition's range: a softmax. */
function deviations(vectors: Vector, first: number, lag: number, width: number): Float64Array {
  const low = new Float64Array(width).fill(Infinity);
  const high = new Float64Array(width).fill(-Infinity);
  for (let row = first + lag; row < first + 2 * lag; row++) {
    for (let index = 0; index < width; index++) {
      low[index] = Math.min(low[index], vectors[row * width + index]);
      high[index] = Math.max(high[index], vectors[row * width + index]);
    }
  }
  const spreads = Float64Array.from({ length: lag }, (_, offset) => {
    const scaled = Float64Array.from(low, (least, index) => {
      const range = high[index] - least;
      return range === 0 ? 0 : (vectors[(first + offset) * width + index] - least) / range;
    });
    const mean = scaled.reduce((sum, value) => sum + value, 0) / width;
    return Math.sqrt(scaled.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (width - 1));
  });
  const most = spreads.reduce((highest, spread) => Math.max(highest, spread), -Infinity);
  const weights = spreads.map((spread) => Math.exp(spread - most));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** The place of each value in ascending order, from 0; of equal values the earlier comes first. */
function ranks(values: Float64Array): Float64Array {
  const order = [...values.keys()].sort((one, other) => values[one] - values[other] || one - other);
  const placed = new Float64Array(values.length);
  order.forEach((row, rank) => placed[row] = rank);
  return placed;
}
