import { clusterBootstrap, type MeanInterval } from "../../metrics/bootstrap.ts";
import { wilsonInterval } from "../../metrics/wilson_interval.ts";
import { mean } from "../../numeric/mean.ts";
import type { ScoredSample } from "../run/sample.ts";
import type { SettingName } from "../run/setting.ts";

/**
 * The mean score with its 95 % interval: Wilson's where every score is 0 or 1 and each context is one trial, so that the
 * interval has a width even where all are alike; else the bootstrap by context, as rows of one context depend on each
 * other. A context is one trial where it has one row, or where all scores are the same. Where the bootstrap has no width as
 * all contexts are alike, the interval is that of {@linkcode ofAlike}.
 *
 * @param samples of one setting, one at least
 */
export function scoreInterval(samples: readonly Pick<ScoredSample, "context" | "score">[]): MeanInterval {
  const clusters = byContext(samples, ({ score }) => score);
  const scores = samples.map(({ score }) => score);
  const isTrial = clusters.length === samples.length || new Set(scores).size === 1;
  const isBinary = scores.every((score) => [0, 1].includes(score));
  if (!isTrial || !isBinary) return ofAlike(clusters, [0, 1]) ?? clusterBootstrap(clusters);
  const score = mean(scores);
  return { mean: score, ...wilsonInterval(Math.round(score * clusters.length), clusters.length) };
}

/** A setting's mean score as a notebook's cell shows it: its name, and `0.52 (0.40 to 0.61), n = 30`. */
export function scoreFact(
  { policy, compression_ratio, n, score, ci_low, ci_high }: ShownScore,
): readonly [name: string, score: string] {
  const [mean, low, high] = [score, ci_low, ci_high].map((value) => value.toFixed(2));
  return [`${policy} at ratio ${compression_ratio}`, `${mean} (${low} to ${high}), n = ${n}`];
}

interface ShownScore extends SettingName {
  readonly n: number;
  readonly score: number;
  readonly ci_low: number;
  readonly ci_high: number;
}

/**
 * One setting's scores less another's on the same rows, with the 95 % interval of the paired bootstrap by context;
 * undefined where no row has both. Where all contexts differ alike, the interval is that of {@linkcode ofAlike}; a setting
 * less itself is 0 for sure.
 */
export function pairedDifference(
  own: readonly ScoredSample[],
  other: readonly ScoredSample[],
): MeanInterval | undefined {
  const others = new Map(other.map(({ index, score }) => [index, score]));
  const paired = own.filter(({ index }) => others.has(index));
  if (paired.length === 0) return undefined;
  const clusters = byContext(paired, ({ index, score }) => score - others.get(index)!);
  return (own === other ? undefined : ofAlike(clusters, [-1, 1])) ?? clusterBootstrap(clusters);
}

/**
 * The interval of a mean where every context has the same one, which a bootstrap cannot widen: as many contexts as Wilson's
 * interval allows of which none was seen may be other, and those may be at either end of the range. Of scores that are all 1
 * or all 0 it is Wilson's own. Undefined where contexts differ.
 */
function ofAlike(
  clusters: readonly (readonly number[])[],
  [least, most]: readonly [number, number],
): MeanInterval | undefined {
  const [first, ...rest] = clusters.map(mean);
  if (rest.some((other) => other !== first)) return undefined;
  const unseen = wilsonInterval(0, clusters.length).high;
  return { mean: first, low: first - unseen * (first - least), high: first + unseen * (most - first) };
}

/** A number of each sample, by context. */
function byContext<Sample extends Pick<ScoredSample, "context">>(
  samples: readonly Sample[],
  value: (sample: Sample) => number,
): number[][] {
  return [...Map.groupBy(samples, ({ context }) => context).values()].map((own) => own.map(value));
}
