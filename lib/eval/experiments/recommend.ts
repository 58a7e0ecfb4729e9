import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import { type CacheShape, type Model, type PositionMode, prefillRecordings } from "../../engine/mod.ts";
import {
  type CacheDtype,
  cacheDtypeName,
  FLOAT32_CACHE,
  isFloat32,
  parseCacheDtype,
} from "../../engine/rows/cache_dtype.ts";
import { textBytes } from "../../engine/rows/cache_shape.ts";
import type { Policy } from "../../policies/policy.ts";
import { policy } from "../../policies/table.ts";
import type { DatasetRow } from "../dataset/dataset_row.ts";
import { kvpressPrompt } from "../dataset/kvpress_prompt.ts";
import { evaluate, type EvaluateOptions } from "../run/evaluate.ts";
import type { EvaluatedSample } from "../run/sample.ts";
import { type Setting, type SettingName, settingName } from "../run/setting.ts";
import { settingComparisons } from "../scores/comparisons.ts";
import { policyChoice } from "../scores/policy_choice.ts";
import { ratioFor } from "./equal_bytes.ts";

/** What is asked of {@linkcode recommend}. */
export interface RecommendOptions extends Pick<EvaluateOptions, "samples" | "signal" | "onProgress"> {
  /** Bytes of keys and values that the cache may take after the text was read. */
  readonly maxBytes: number;
  /** Tokens of the text that it is for. */
  readonly context: number;
  /** Policies to choose among. */
  readonly policies: readonly Policy[];
  /** Cache dtypes to choose among; float32 and int8 by default. */
  readonly cacheDtypes?: readonly CacheDtype[];
}

const RECOMMEND_OPTIONS: OptionNames<RecommendOptions> = {
  maxBytes: true,
  context: true,
  policies: true,
  cacheDtypes: true,
  samples: true,
  signal: true,
  onProgress: true,
};

/** One policy of those that were tried, beside the full cache on the same rows. */
export interface RecommendEvidence extends SettingName {
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
  readonly dtype: string;
  /** How often this policy comes first when the sample is drawn anew, in [0, 1]. */
  readonly p_best: number;
  /** Policies that the sample does not tell apart from it. */
  readonly as_good: readonly string[];
  /** Tokens of the shortest context of the sample: where it is well below the text's, longer rows tell more. */
  readonly context_tokens: number;
  /** Policies that failed, or took more bytes than are allowed, and why. */
  readonly left_out: readonly { readonly policy: string; readonly reason: string }[];
  /** ms a token of an answer. */
  readonly ms_per_token: number;
  /** ms a token with the full cache, in the same run. */
  readonly full_ms_per_token: number;
  /** The full cache first, then all that was tried, the best first. */
  readonly evidence: readonly RecommendEvidence[];
}

/** What stands where all rows fit as they are. */
const FULL_CACHE: Setting<Policy> = { policy: policy("keep_all"), compressionRatio: 0 };

/** Tokens that a time is taken over. */
const TIMED_TOKENS = 16;

/**
 * Tries policies and cache dtypes on some rows, each at the ratio that the memory leaves it, and names the best with what
 * speaks for it: by score, and where scores are alike by divergence from the full cache. Where rows stand is tried for
 * that one.
 *
 * @throws {RangeError} if the memory holds no token, there are no policies or rows, or every policy failed
 */
export async function recommend(
  model: Model,
  rows: readonly DatasetRow[],
  options: RecommendOptions,
): Promise<Recommendation> {
  checkOptions("recommend", options, RECOMMEND_OPTIONS);
  const { maxBytes, context, policies, cacheDtypes = [FLOAT32_CACHE, parseCacheDtype("int8")], ...how } = options;
  if (policies.length === 0 || rows.length === 0 || cacheDtypes.length === 0) {
    throw new RangeError(
      `Cannot choose among ${policies.length} policies in ${cacheDtypes.length} cache dtypes on ${rows.length} rows: ` +
        `give some of each`,
    );
  }
  const settings = settingsToTry(model.createCache().shape, { maxBytes, context, policies, cacheDtypes });
  const logical = await evaluate(model, rows, settings, how);
  const failed = new Set(logical.failures.map(({ policy }) => policy));
  const tried = settings.filter((setting) => !failed.has(settingName(setting).policy));
  if (tried.length === 0 && settings.length > 0) {
    throw new RangeError(
      `Cannot recommend any of ${settings.map((setting) => settingName(setting).policy).join(", ")} as each failed: ${
        logical.failures[0].reason
      }`,
    );
  }
  const [full, ...others] = evidenceOf(logical.samples, "logical");
  if (full === undefined) {
    throw new RangeError(`Cannot recommend anything as no row was answered: ${logical.failures[0].reason}`);
  }
  const held = Math.max(
    ...logical.samples.map(({ live_bytes, policy, compression_ratio }) =>
      policy === full.policy && compression_ratio === 0 ? live_bytes : 0
    ),
  );
  // Of samples as long as the text, or longer ones in proportion.
  const allowed = maxBytes * Math.max(1, held / textBytes(model.createCache().shape, context));
  const over = others.filter(({ live_bytes }) => live_bytes > allowed);
  const chosen = others.filter((one) => !over.includes(one)).toSorted(byMerit)[0] ?? full;
  const leftOut = [
    ...[...failed].map((policy) => ({
      policy,
      reason: logical.failures.find((failure) => failure.policy === policy)!.reason,
    })),
    ...over.map(({ policy, live_bytes }) => ({
      policy,
      reason: `it takes ${live_bytes} bytes on this sample, and ${Math.floor(allowed)} are allowed`,
    })),
  ];
  if (chosen === full && others.length > 0) {
    throw new RangeError(`Cannot recommend a policy as none fits: ${leftOut.map(({ reason }) => reason).join("; ")}`);
  }
  const context_tokens = Math.min(...logical.samples.map((sample) => sample.context_tokens));
  const choices = tried.length === 0 ? [] : policyChoice(
    atOneRatio(logical.samples),
    0,
    tried.map((setting) => settingName(setting).policy),
  );
  const setting = tried.find((one) => settingName(one).policy === chosen.policy) ?? FULL_CACHE;
  const movable = chosen.compression_ratio > 0 &&
    (setting.cacheDtype === undefined || setting.cacheDtype.keys.dtype === "f32");
  const moved = !movable ? undefined : evidenceOf(
    (await evaluate(model, rows, [setting], {
      ...how,
      positions: "compact",
    })).samples,
    "compact",
  )[1];
  const best = moved !== undefined && byMerit(moved, chosen) < 0 ? moved : chosen;
  const [fullMs, ms] = await timed(model, rows[0], setting, best.positions);
  return {
    ...best,
    dtype: cacheDtypeName(setting.cacheDtype ?? FLOAT32_CACHE),
    p_best: choices.find(({ policy }) => policy === best.policy)?.p_best ?? 1,
    as_good: choices.filter(({ policy, gap_to_best_low }) => policy !== best.policy && gap_to_best_low <= 0).map((
      { policy },
    ) => policy),
    context_tokens,
    left_out: leftOut,
    ms_per_token: ms,
    full_ms_per_token: fullMs,
    evidence: [full, ...[...others, ...(moved === undefined ? [] : [moved])].sort(byMerit)],
  };
}

/** No setting where all rows fit as they are; a cache dtype in which all rows fit needs no policy. */
function settingsToTry(
  shape: CacheShape,
  { maxBytes, context, policies, cacheDtypes }: Required<Omit<RecommendOptions, "samples" | "signal" | "onProgress">>,
): Setting<Policy>[] {
  if (ratioFor(maxBytes, context, shape, FLOAT32_CACHE) === 0) return [];
  return cacheDtypes.flatMap((cacheDtype) => {
    const dtype = isFloat32(cacheDtype) ? undefined : cacheDtype;
    if (ratioFor(maxBytes, context, shape, cacheDtype) === 0) {
      return [{ policy: policy("keep_all"), cacheDtype: dtype, compressionRatio: 0 }];
    }
    return policies.map((chooser) => {
      const compressionRatio = ratioFor(maxBytes, context, shape, cacheDtype, chooser);
      return { policy: chooser, cacheDtype: dtype, compressionRatio };
    });
  });
}

/** Settings of another cache dtype have another ratio and are compared all the same: their names tell them apart. */
function atOneRatio(samples: readonly EvaluatedSample[]): EvaluatedSample[] {
  return samples.map((sample) => ({ ...sample, compression_ratio: 0 }));
}

function byMerit(one: RecommendEvidence, other: RecommendEvidence): number {
  return other.score - one.score || one.kl - other.kl;
}

function evidenceOf(samples: readonly EvaluatedSample[], positions: PositionMode): RecommendEvidence[] {
  return settingComparisons(samples).map((setting) => ({
    policy: setting.policy,
    compression_ratio: setting.compression_ratio,
    positions,
    n: setting.n,
    score: setting.score,
    ci_low: setting.ci_low,
    ci_high: setting.ci_high,
    kl: setting.kl,
    top1_agreement: setting.top1_agreement,
    live_bytes: setting.live_bytes,
  }));
}

/** ms a token with the full cache and with the best, in turns: the lesser of two. */
async function timed(
  model: Model,
  row: DatasetRow,
  { policy: chooser, compressionRatio, cacheDtype }: Setting<Policy>,
  positions: PositionMode,
): Promise<[number, number]> {
  using full = model.createCache(prefillRecordings(chooser.signals));
  await model.read(full, kvpressPrompt(model.tokenizer, row).contextIds, { logitsOf: "none" });
  using small = full.fork();
  if (compressionRatio > 0) {
    await small.observe(chooser);
    small.compress(chooser, { compressionRatio, positions });
  }
  if (cacheDtype !== undefined) small.quantize(cacheDtype);
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
