import { tokenBytes } from "../engine/token_bytes.ts";
import { DEFAULT_TAPS, type Model, type PositionMode } from "../engine/mod.ts";
import { policy } from "../policies/table.ts";
import { armComparisons } from "./arm_comparisons.ts";
import { evaluate, type EvaluateOptions } from "./evaluate.ts";
import type { ArmName, EvaluatedCell } from "./evaluated_cell.ts";
import type { EvaluationRow } from "./evaluation_row.ts";
import { kvpressPrompt } from "./kvpress_prompt.ts";
import { policyChoice } from "./policy_choice.ts";

/** What is asked of {@linkcode recommend}. */
export interface RecommendOptions extends Pick<EvaluateOptions, "cells" | "signal" | "onProgress"> {
  /** Bytes of keys and values that the cache may take after the text was read. */
  readonly maxBytes: number;
  /** Tokens of the text that it is for. */
  readonly context: number;
  /** Policies to choose among, by name. */
  readonly policies: readonly string[];
}

/** One policy of those that were tried, beside the full cache on the same rows. */
export interface RecommendEvidence extends ArmName {
  /** Where rows stood. */
  readonly positions: PositionMode;
  /** Rows of the sample. */
  readonly n: number;
  /** Mean score, in [0, 1], and its 95 % interval. */
  readonly score: number;
  /** Lower end of the score's interval. */
  readonly ci_low: number;
  /** Upper end of the score's interval. */
  readonly ci_high: number;
  /** Mean divergence from the full cache, in nats a token of its answer. */
  readonly kl: number;
  /** Share of those tokens that are the likeliest here too. */
  readonly top1_agreement: number;
  /** Cache bytes after the eviction, the mean. */
  readonly live_bytes: number;
}

/** What fits, and what speaks for it. */
export interface Recommendation extends RecommendEvidence {
  /** How rows are held. */
  readonly dtype: "f32";
  /** How often this policy comes first when the sample is drawn anew, in [0, 1]. */
  readonly best_share: number;
  /** Policies that the sample does not tell apart from it. */
  readonly as_good: readonly string[];
  /** ms a token of an answer. */
  readonly ms_per_token: number;
  /** ms a token with the full cache, in the same run. */
  readonly full_ms_per_token: number;
  /** The full cache first, then all that was tried, the best first. */
  readonly evidence: readonly RecommendEvidence[];
}

/** Tokens that a time is taken over. */
const TIMED_TOKENS = 16;

/**
 * The fraction of rows that has to go for a text to fit: 0 where it fits as it is.
 *
 * @param bytesPerToken of keys and values, over all layers and heads
 * @throws {RangeError} if not even one token fits
 */
export function ratioFor(maxBytes: number, context: number, bytesPerToken: number): number {
  if (maxBytes < bytesPerToken) {
    throw new RangeError(
      `Cannot keep a text in ${maxBytes} bytes as one token takes ${bytesPerToken}: give more memory, or a smaller model`,
    );
  }
  const rows = Math.floor(maxBytes / bytesPerToken);
  // A hair more goes than has to, so that rounding cannot leave a row too many.
  return rows >= context ? 0 : Math.ceil((1 - rows / context) * 1e4) / 1e4;
}

/**
 * Tries policies on a sample at the ratio that the memory leaves, and names the best with what speaks for it: by score,
 * and where scores are alike by divergence from the full cache. Where rows stand is tried for that one.
 *
 * @throws {RangeError} if the memory holds no token, there are no policies or rows, or every policy failed
 */
export async function recommend(
  model: Model,
  rows: readonly EvaluationRow[],
  { maxBytes, context, policies, ...options }: RecommendOptions,
): Promise<Recommendation> {
  if (policies.length === 0 || rows.length === 0) {
    throw new RangeError(`Cannot choose among ${policies.length} policies on ${rows.length} rows: give some of each`);
  }
  const ratio = ratioFor(maxBytes, context, tokenBytes(model.createCache().shape));
  const names = ratio === 0 ? [] : policies;
  const arms = names.map((name) => ({ policy: policy(name), compressionRatio: ratio }));
  const logical = await evaluate(model, rows, arms, options);
  const tried = names.filter((name) => logical.failures.every((failure) => failure.policy !== name));
  if (tried.length === 0 && names.length > 0) {
    throw new RangeError(`Cannot recommend any of ${names.join(", ")} as each failed: ${logical.failures[0].reason}`);
  }
  const evidence = evidenceOf(logical.cells, "logical");
  const [full, ...others] = evidence;
  const chosen = [...others].sort((one, other) => other.score - one.score || one.kl - other.kl)[0] ?? full;
  const choices = tried.length === 0 ? [] : policyChoice(logical.cells, ratio, tried);
  const moved = tried.length === 0 ? undefined : evidenceOf(
    (await evaluate(model, rows, [{ policy: policy(chosen.policy), compressionRatio: ratio }], {
      ...options,
      positions: "compact",
    })).cells,
    "compact",
  )[1];
  const better = moved !== undefined &&
    (moved.score > chosen.score || moved.score === chosen.score && moved.kl < chosen.kl);
  const best = better ? moved : chosen;
  const [fullMs, ms] = await timed(model, rows[0], best);
  const behind = new Map(choices.map((choice) => [choice.policy, choice]));
  const all = [
    full,
    ...[...others, ...(moved === undefined ? [] : [moved])].sort((one, other) =>
      other.score - one.score || one.kl - other.kl
    ),
  ];
  return {
    ...best,
    dtype: "f32",
    best_share: behind.get(best.policy)?.best_share ?? 1,
    as_good: choices.filter(({ policy, behind_low }) => policy !== best.policy && behind_low <= 0).map(({ policy }) =>
      policy
    ),
    ms_per_token: ms,
    full_ms_per_token: fullMs,
    evidence: all,
  };
}

function evidenceOf(cells: readonly EvaluatedCell[], positions: PositionMode): RecommendEvidence[] {
  const tasks = [...new Set(cells.map(({ task }) => task))];
  return armComparisons(cells, tasks).map((arm) => ({
    policy: arm.policy,
    compression_ratio: arm.compression_ratio,
    positions,
    n: arm.n,
    score: arm.score,
    ci_low: arm.ci_low,
    ci_high: arm.ci_high,
    kl: arm.kl,
    top1_agreement: arm.top1_agreement,
    live_bytes: arm.live_bytes,
  }));
}

/** ms a token with the full cache and with the best, in turns: the lesser of two. */
async function timed(model: Model, row: EvaluationRow, best: RecommendEvidence): Promise<[number, number]> {
  using full = model.createCache(DEFAULT_TAPS);
  await model.read(full, kvpressPrompt(model.tokenizer, row).contextIds, { logitsOf: "none" });
  using small = full.fork();
  if (best.compression_ratio > 0) {
    const chooser = policy(best.policy);
    await small.observe(chooser);
    small.compress(chooser, { compressionRatio: best.compression_ratio, positions: best.positions });
  }
  const times: number[][] = [[], []];
  for (let turn = 0; turn < 2; turn++) {
    for (const [place, cache] of [full, small].entries()) {
      using fork = cache.fork();
      const started = performance.now();
      for (let token = 0; token < TIMED_TOKENS; token++) await model.read(fork, [token + 10], { attention: "skip" });
      times[place].push((performance.now() - started) / TIMED_TOKENS);
    }
  }
  return [Math.min(...times[0]), Math.min(...times[1])];
}
