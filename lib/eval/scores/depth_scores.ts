import { mean } from "../../numeric/mean.ts";
import type { EvaluatedSample } from "../run/sample.ts";
import type { SettingName } from "../run/setting.ts";

/** The score of one setting on needles at one depth of contexts of one length. */
export interface DepthScore extends SettingName {
  /** Tokens that prompt and answer took at most. */
  readonly length: number;
  /** Where the needles stand: the share of the text before them, from here on; the next depth is the end. */
  readonly depth: number;
  /** Rows. */
  readonly n: number;
  /** Mean score, in [0, 1]. */
  readonly score: number;
}

/**
 * Averages samples by setting, length and depth: the needle's place against the haystack's length. Rows that do not say where
 * their needle stands, or how long they are, do not count.
 *
 * @param bins depths, of equal width; 5 by default
 */
export function depthScores(samples: readonly EvaluatedSample[], bins = 5): DepthScore[] {
  if (!Number.isSafeInteger(bins) || bins < 1) {
    throw new RangeError(`Cannot score ${bins} depths as it must be a whole number of at least 1`);
  }
  const placed = samples.flatMap(({ policy, compression_ratio, score, row: { depth, length } }) =>
    depth === undefined || length === undefined
      ? []
      : [{ policy, compression_ratio, score, length, depth: Math.floor(depth * bins) / bins }]
  );
  const groups = Map.groupBy(
    placed,
    ({ policy, compression_ratio, length, depth }) => JSON.stringify([policy, compression_ratio, length, depth]),
  );
  return [...groups.values()].map((own) => ({
    ...own[0],
    n: own.length,
    score: mean(own.map(({ score }) => score)),
  })).sort((one, other) => one.depth - other.depth || one.length - other.length);
}
