import { clusterBootstrap, type MeanInterval } from "../../metrics/bootstrap.ts";
import { wilsonInterval } from "../../metrics/wilson_interval.ts";
import { mean } from "../../numeric/mean.ts";
import type { ScoredSample } from "../run/sample.ts";

/**
 * The mean score with its 95 % interval: Wilson's where every score is 0 or 1 and each context is one trial, so that the
 * interval has a width even where all are alike; else the bootstrap by context, as rows of one context depend on each
 * other. A context is one trial where it has one row, or where all scores are the same.
 *
 * @param samples of one setting, one at least
 */
export function scoreInterval(samples: readonly Pick<ScoredSample, "context" | "score">[]): MeanInterval {
  const clusters = byContext(samples, ({ score }) => score);
  const scores = samples.map(({ score }) => score);
  const isTrial = clusters.length === samples.length || new Set(scores).size === 1;
  const isBinary = scores.every((score) => [0, 1].includes(score));
  if (!isTrial || !isBinary) return clusterBootstrap(clusters);
  const score = mean(scores);
  return { mean: score, ...wilsonInterval(Math.round(score * clusters.length), clusters.length) };
}

/**
 * One setting's scores less another's on the same rows, with the 95 % interval of the paired bootstrap by context;
 * undefined where no row has both.
 */
export function pairedDifference(
  own: readonly ScoredSample[],
  other: readonly ScoredSample[],
): MeanInterval | undefined {
  const others = new Map(other.map(({ index, score }) => [index, score]));
  const paired = own.filter(({ index }) => others.has(index));
  if (paired.length === 0) return undefined;
  return clusterBootstrap(byContext(paired, ({ index, score }) => score - others.get(index)!));
}

/** A number of each sample, by context. */
function byContext<Sample extends Pick<ScoredSample, "context">>(
  samples: readonly Sample[],
  value: (sample: Sample) => number,
): number[][] {
  return [...Map.groupBy(samples, ({ context }) => context).values()].map((own) => own.map(value));
}
