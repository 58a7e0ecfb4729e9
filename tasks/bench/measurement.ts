/** What a system is asked to measure: one text of so many tokens, and the tokens that follow it. */
export interface MeasureRequest {
  /** Tokens that are read, and so rows that are cached when the next come. */
  readonly context: number;
  /** Tokens to time. */
  readonly tokens: number;
}

/** One metric of one request. */
export interface Measurement {
  /** `decode`, `prefill`, `decode_evicted_75`. */
  readonly metric: string;
  readonly unit: "ms/token" | "tokens/s";
  /** One a token, or one in all. */
  readonly samples: readonly number[];
}

/** What a system says when it is ready. */
export interface SystemFacts {
  /** What it runs: its version, its weights. */
  readonly version: string;
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
  return [
    { metric: "prefill", unit: "tokens/s", samples: [(1000 * context) / (arrivals[0] - start)] },
    { metric: "decode", unit: "ms/token", samples: steps },
  ];
}
