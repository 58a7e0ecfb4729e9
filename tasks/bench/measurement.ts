import type { FactPrompt } from "kvmirror/eval";

/** One text of so many tokens is read, and the tokens that follow it are timed. */
export interface TokensRequest {
  readonly measure: "tokens";
  /** Tokens that are read, and so rows that are cached when the next come. */
  readonly context: number;
  /** Tokens to time. */
  readonly tokens: number;
  /** Whether decoding is timed after evictions too, by systems that evict. */
  readonly evict: boolean;
}

/** The most memory that was resident since the process began. */
export interface MemoryRequest {
  readonly measure: "memory";
}

/** Answers to a question about each text, under each policy and ratio: what a study of policies consists of. */
export interface StudyRequest {
  readonly measure: "study";
  readonly prompts: readonly FactPrompt[];
  readonly policies: readonly string[];
  /** Fractions of rows removed. */
  readonly ratios: readonly number[];
  /** Tokens of an answer. */
  readonly tokens: number;
}

/** Questions about a text, answered with drafts that are looked up in it, and without. */
export interface LookupRequest {
  readonly measure: "lookup";
  /** At least as long as its tokens that are read. */
  readonly text: string;
  /** Tokens of it that are read. */
  readonly context: number;
  /** By the name that the metric gives each. */
  readonly questions: Readonly<Record<string, string>>;
  /** Tokens of an answer. */
  readonly tokens: number;
}

/** What a system can be asked. */
export type BenchRequest = TokensRequest | MemoryRequest | StudyRequest | LookupRequest;

/** Units that values come in. */
export type Unit = "ms/token" | "tokens/s" | "ms" | "bytes" | "s/cell" | "s" | "nats/token" | "share";

/** One metric of one request. */
export interface Measurement {
  /** `decode`, `prefill`, `decode_evicted_75`. */
  readonly metric: string;
  readonly unit: Unit;
  /** One a token, or one in all. */
  readonly samples: readonly number[];
}

/** What a system says when it is ready. */
export interface SystemFacts {
  /** What it runs: its version, its weights. */
  readonly version: string;
  /** When its model was open, in ms since 1970; what it did to get warm comes after. */
  readonly loadedAt: number;
  /** Memory that was resident then, in bytes. */
  readonly loadedBytes: number;
}

/** One line of the benchmark's result. */
export interface BenchRow {
  readonly system: string;
  readonly metric: string;
  /** Tokens that were read before. */
  readonly context: number;
  /** Median over the rounds, of each round's median. */
  readonly value: number;
  readonly unit: string;
  /** Lowest and highest round. */
  readonly low: number;
  readonly high: number;
  readonly rounds: number;
}

/** The middle value; of an even number, the mean of the middle two. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("Cannot take the median of no values: measure at least once");
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The time of each token, as `generate` gives them: the first after the text was read, the others one step each. */
export function tokenTimes(start: number, arrivals: readonly number[], context: number): Measurement[] {
  const steps = arrivals.slice(1).map((time, index) => time - arrivals[index]);
  const first = arrivals[0] - start;
  return [
    { metric: "prefill", unit: "tokens/s", samples: [(1000 * context) / first] },
    { metric: "first_token", unit: "ms", samples: [first] },
    { metric: "decode", unit: "ms/token", samples: steps },
  ];
}

/** The row of one metric's values, one a round. */
export function rowOf(
  place: Pick<BenchRow, "system" | "metric" | "context" | "unit">,
  values: readonly number[],
): BenchRow {
  const { system, metric, context, unit } = place;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return { system, metric, context, value: median(values), unit, low, high, rounds: values.length };
}
