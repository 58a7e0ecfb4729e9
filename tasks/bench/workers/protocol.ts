import type { FactPrompt } from "kvmirror/eval";

/** One text of so many tokens is read, and the tokens that follow it are timed. */
export interface TokensRequest {
  readonly measure: "tokens";
  /** Tokens that are read, and so rows that are cached when the next come. */
  readonly context: number;
  /** Tokens to time. */
  readonly tokens: number;
  /** Percents of the rows that leave, one after the other, before decoding is timed again, by systems that evict. */
  readonly evict: readonly number[];
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

/** What a text says after each of its tokens: the worker writes float32 logits, `[tokens, vocab]`, little-endian. */
export interface LogitsRequest {
  readonly measure: "logits";
  readonly ids: readonly number[];
  /** The file that the worker writes. */
  readonly path: string;
}

/** A text is read, and no more: with all rows, and by systems that bound their cache with so many as well. */
export interface ReadRequest {
  readonly measure: "read";
  /** Tokens that are read. */
  readonly context: number;
  /** Rows a head under the bound. */
  readonly rows: number;
}

/** What a system can be asked. */
export type BenchRequest = TokensRequest | MemoryRequest | StudyRequest | LookupRequest | LogitsRequest | ReadRequest;

/** Units that values come in. */
export type Unit = "ms/token" | "tokens/s" | "ms" | "bytes" | "s/sample" | "s" | "nats/token" | "share";

/** One metric of one request. */
export interface Measurement {
  /** `decode`, `prefill`, `decode_evicted_75`. */
  readonly metric: string;
  readonly unit: Unit;
  /** One a token, or one in all; none where there is a reason. */
  readonly samples: readonly number[];
  /** Why the system cannot give it. */
  readonly reason?: string;
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
