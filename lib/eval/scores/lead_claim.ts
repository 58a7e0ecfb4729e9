import { mean } from "../../numeric/mean.ts";
import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import type { ScoredSample } from "../run/sample.ts";
import { parseSetting, type SettingName } from "../run/setting.ts";
import { CUT_PROMPT } from "../run/cut_prompt.ts";
import { pairedDifference, scoreInterval } from "./intervals.ts";

/** Rows that a claim wants: below that it is an observation. */
export const CLAIM_ROWS = 50;

/** How far apart the bytes of two arms of one claim may be, as a share of the smaller. */
const SAME_BYTES = 0.03;

/** What {@linkcode leadClaim} claims, and of what. */
export interface LeadClaimOptions {
  /** Our setting. */
  readonly ours: SettingName;
  /** All settings that it is compared with. */
  readonly rivals: readonly SettingName[];
  /** Tasks that count; all by default. */
  readonly tasks?: readonly string[];
  /** The model and how its weights are held, for the sentence. */
  readonly model: string;
  /** The texts, for the sentence. */
  readonly domain: string;
}

const LEAD_CLAIM_OPTIONS: OptionNames<LeadClaimOptions> = {
  ours: true,
  rivals: true,
  tasks: true,
  model: true,
  domain: true,
};

/** How far a setting is ahead of the best of its rivals. */
export interface LeadClaim {
  /** Our setting's name. */
  readonly ours: string;
  /** The rival with the highest mean score. */
  readonly rival: string;
  /** Mean bytes of our setting's cache as a share of the full cache's in 16 bits. */
  readonly share_of_16_bit: number;
  /** Rows that all arms answered. */
  readonly n: number;
  /** Our mean score, in [0, 1]. */
  readonly score: number;
  /** The rival's mean score. */
  readonly rival_score: number;
  /** Our score less the rival's on the same rows. */
  readonly lead: number;
  /** Lower end of the lead's 95 % interval (paired bootstrap by context). */
  readonly lead_low: number;
  /** Upper end of the lead's interval. */
  readonly lead_high: number;
  /** Whether the interval is above 0, below 0, or holds it. */
  readonly verdict: "ahead" | "behind" | "neither ahead nor behind";
  /** The claim in sentences, with n, intervals, bytes, model and domain; without the last full stop. */
  readonly sentence: string;
}

/**
 * Compares a setting with the best of its rivals, like with like: all arms answer the same rows, take the same bytes, hold
 * rows in the same dtype and protect the same rows, and no rival is held to a narrower budget than ours unless it is there
 * under ours as well. A bold line of a report is the `sentence` of such a claim.
 *
 * @param samples of all arms, and of the full cache in float32, whose bytes are halved to those of 16 bits
 * @throws {RangeError} in one line if there are fewer than {@linkcode CLAIM_ROWS} rows, an arm is missing, or two arms
 * differ in bytes, dtype, protection, budget or rows
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { leadClaim, type ScoredSample } from "kvmirror/eval";
 *
 * const samples = (policy: string, compression_ratio: number, live_bytes: number, right: number) =>
 *   Array.from({ length: 60 }, (_, index): ScoredSample => ({ policy, compression_ratio, live_bytes, index, context: index,
 *     score: index < right ? 1 : 0, task: "qa", kl: [0], agreement: [1], answer_tokens: 1 }));
 * const arms = [...samples("keep_all", 0, 800, 60), ...samples("tova", 0.75, 200, 50), ...samples("knorm", 0.75, 200, 20)];
 * const [ours, rival] = ["tova", "knorm"].map((policy) => ({ policy, compression_ratio: 0.75 }));
 * const claim = leadClaim(arms, { ours, rivals: [rival], model: "a model", domain: "questions" });
 * assertEquals([claim.verdict, claim.lead, claim.share_of_16_bit], ["ahead", 0.5, 0.5]);
 * ```
 */
export function leadClaim(samples: readonly ScoredSample[], options: LeadClaimOptions): LeadClaim {
  checkOptions("leadClaim", options, LEAD_CLAIM_OPTIONS);
  const { ours, rivals, tasks, model, domain } = options;
  const counted = tasks === undefined ? samples : samples.filter(({ task }) => tasks.includes(task));
  const arm = ({ policy, compression_ratio }: SettingName) => {
    const own = counted.filter((row) => row.policy === policy && row.compression_ratio === compression_ratio);
    if (own.length === 0) {
      throw new RangeError(`Cannot claim a lead as nothing was asked under ${policy} at ${compression_ratio}`);
    }
    return { name: policy, traits: traitsOf({ policy, compression_ratio }), samples: own, bytes: meanBytes(own) };
  };
  const mine = arm(ours);
  if (rivals.length === 0) throw new RangeError(`Cannot claim a lead of ${mine.name} as it has no rival: name some`);
  const others = rivals.map(arm);
  if (mine.samples.length < CLAIM_ROWS) {
    throw new RangeError(
      `Cannot claim a lead of ${mine.name} from ${mine.samples.length} rows as it takes ${CLAIM_ROWS}: ask more`,
    );
  }
  for (const other of others) checkAlike(mine, other, others);
  const full = meanBytes(arm({ policy: "keep_all", compression_ratio: 0 }).samples);
  const [best] = others.map((other) => ({ ...other, score: mean(other.samples.map(({ score }) => score)) }))
    .toSorted((one, other) => other.score - one.score);
  const { mean: score, low, high } = scoreInterval(mine.samples);
  const { mean: lead, low: leadLow, high: leadHigh } = pairedDifference(mine.samples, best.samples)!;
  const verdict = leadLow > 0 ? "ahead" : leadHigh < 0 ? "behind" : "neither ahead nor behind";
  const share = mine.bytes / (full / 2);
  const two = (value: number) => value.toFixed(2).replace("-", "−");
  const bytes = `${(100 * share).toFixed(1)} % of the 16-bit cache's bytes`;
  const ownScore = `${two(score)} (${two(low)} to ${two(high)})`;
  const difference = `${two(lead)} (${two(leadLow)} to ${two(leadHigh)})`;
  const sentence =
    `${mine.name} is ${verdict} in ${bytes}. It scores ${ownScore}; the best of ${others.length} rivals, ` +
    `${best.name}, scores ${two(best.score)}. The difference is ${difference}, n = ${mine.samples.length}. ` +
    `Asked of ${model}, on ${domain}`;
  return {
    ours: mine.name,
    rival: best.name,
    share_of_16_bit: share,
    n: mine.samples.length,
    score,
    rival_score: best.score,
    lead,
    lead_low: leadLow,
    lead_high: leadHigh,
    verdict,
    sentence,
  };
}

interface Arm {
  readonly name: string;
  readonly traits: Traits;
  readonly samples: readonly ScoredSample[];
  readonly bytes: number;
}

/** What two arms must share. */
interface Traits {
  readonly dtype: string;
  readonly protection: string;
  /** Over what rows are shared out: the heads of the model, of a layer, or not at all. */
  readonly budget: string;
  /** The policy without the wrapper that shares rows out. */
  readonly scorer: string;
}

/** Policies that share rows out over the model by themselves. */
const OVER_MODEL = ["kvzip", "kvzip_plus"];

function traitsOf(name: SettingName): Traits {
  const { policy, cacheDtype } = parseSetting(name);
  const text = policy === CUT_PROMPT ? policy : policy.name;
  const protection = policy === CUT_PROMPT ? {} : policy.definition?.protect ?? {};
  const wrapped = /^(globalkv|adakv|pyramid)\((.*)\)$/.exec(text.replace(/^protect\((.*?)(?:, \w+=\d+)*\)$/, "$1"));
  const own = OVER_MODEL.includes(text) ? "globalkv" : "head";
  return {
    dtype: cacheDtype === undefined ? "f32" : JSON.stringify(cacheDtype),
    protection: text.startsWith("protect(") ? JSON.stringify(protection) : "its own",
    budget: wrapped?.[1] ?? own,
    scorer: wrapped?.[2] ?? text,
  };
}

function checkAlike(mine: Arm, other: Arm, all: readonly Arm[]): void {
  const refuse = (what: string, fix: string): never => {
    throw new RangeError(`Cannot compare ${mine.name} with ${other.name} as ${what}: ${fix}`);
  };
  const ids = new Set(mine.samples.map(({ index }) => index));
  if (other.samples.length !== ids.size || !other.samples.every(({ index }) => ids.has(index))) {
    refuse(`${mine.samples.length} and ${other.samples.length} rows are not the same ones`, "ask both the same");
  }
  const [less, more] = [mine.bytes, other.bytes].toSorted((one, two) => one - two);
  if (more > (1 + SAME_BYTES) * less) {
    refuse(`they take ${Math.round(mine.bytes)} and ${Math.round(other.bytes)} bytes`, "give both the same");
  }
  if (mine.traits.dtype !== other.traits.dtype) refuse("their rows differ in dtype", "hold both in one");
  if (mine.traits.protection !== other.traits.protection) {
    refuse("they do not protect the same rows", "wrap both in protect(…), or neither");
  }
  const { budget, scorer } = other.traits;
  const under = all.some(({ traits }) => traits.scorer === scorer && traits.budget === mine.traits.budget);
  if (budget !== mine.traits.budget && !under) {
    refuse(
      `one shares its rows out by ${mine.traits.budget}, the other by ${budget}`,
      `add ${mine.traits.budget === "head" ? scorer : `${mine.traits.budget}(${scorer})`} to the rivals`,
    );
  }
}

function meanBytes(samples: readonly ScoredSample[]): number {
  return mean(samples.map(({ live_bytes }) => live_bytes));
}
