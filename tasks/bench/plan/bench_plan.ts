import type { Flags } from "../../cli/flags.ts";
import { UsageError } from "../../cli/usage_error.ts";

/** What can be measured, and what of it a plain call measures: tokens as they come, and what the answers lose. */
const METRICS = {
  decode: "timed",
  prefill: "timed",
  first_token: "timed",
  decode_evicted: "timed",
  cache_bytes: "timed",
  kl: "beside",
  read: "asked",
  load: "asked",
  "load_0.5b": "asked",
  resident: "asked",
  study: "asked",
  lookup: "asked",
  simulate: "asked",
  profile: "asked",
} as const;

/**
 * A group of rows: `decode_evicted` has one a ratio, `load` a cold and a warm one, `lookup` two a question, `kl` one of
 * its mean and one of top-1 agreement, `read` one of all rows and one under a bound, `profile` what the report shows.
 */
export type Metric = keyof typeof METRICS;

/** What is measured. */
export interface BenchPlan {
  readonly metrics: readonly Metric[];
  /** Tokens that are read before tokens are timed. */
  readonly contexts: readonly number[];
  /** How often every system takes its turn. */
  readonly rounds: number;
  /** Tokens that are timed, each turn. */
  readonly tokens: number;
  /** Tokens of the synthetic sequence. */
  readonly simulated: number;
  /** Tokens of the texts that `read` reads. */
  readonly lengths: readonly number[];
}

/** Reads the plan from the flags. */
export function benchPlan(flags: Flags): BenchPlan {
  return {
    metrics: metricsOf(flags.text("metrics")),
    contexts: wholeNumbers("contexts", flags.text("contexts")!, 16),
    rounds: wholeNumber("rounds", flags.text("rounds")!),
    tokens: wholeNumber("tokens", flags.text("tokens")!, 2),
    simulated: wholeNumber("simulated", flags.text("simulated")!),
    lengths: wholeNumbers("lengths", flags.text("lengths")!, 16),
  };
}

/** Texts between commas. */
export function listOf(text: string): string[] {
  return text.split(",").map((part) => part.trim());
}

/** Whether a row's metric is among those asked for: `decode_evicted_75` is of the group `decode_evicted`. */
export function isWanted(metric: string, { metrics }: Pick<BenchPlan, "metrics">): boolean {
  return metrics.some((group) => group === metric || metric.startsWith(`${group}_`) && group !== "decode");
}

/** Whether tokens are to be timed at all. */
export function timesTokens({ metrics }: Pick<BenchPlan, "metrics">): boolean {
  return metrics.some((metric) => METRICS[metric] === "timed");
}

function metricsOf(text: string | undefined): Metric[] {
  const all = Object.keys(METRICS) as Metric[];
  if (text === undefined) return all.filter((metric) => METRICS[metric] !== "asked");
  const named = listOf(text);
  if (named.includes("all")) return all;
  const unknown = named.find((name) => !Object.hasOwn(METRICS, name));
  if (unknown === undefined) return all.filter((metric) => named.includes(metric));
  throw new UsageError(`Cannot measure ${unknown}: the metrics are ${all.join(", ")}, or all`);
}

function wholeNumbers(flag: string, text: string, least: number): number[] {
  return [...new Set(listOf(text).map((part) => wholeNumber(flag, part, least)))];
}

function wholeNumber(flag: string, text: string, least = 1): number {
  const value = Number(text);
  if (text !== "" && Number.isSafeInteger(value) && value >= least) return value;
  throw new UsageError(`Cannot use --${flag} ${text} as it must be a whole number of at least ${least}`);
}
