import type { DatasetRow } from "../dataset/dataset_row.ts";
import type { SettingName } from "./setting.ts";

/** What one setting made of one row. */
export interface Sample {
  /** What the model said, after the answer's beginning. */
  readonly prediction: string;
  /** Tokens of it. */
  readonly answer_tokens: number;
  /** Tokens read before the eviction. */
  readonly context_tokens: number;
  /** Cache bytes after the eviction, over all layers and heads. */
  readonly live_bytes: number;
  /** Divergence from the full cache in nats at each token of the full cache's answer. */
  readonly kl: readonly number[];
  /** Whether the likeliest token is the full cache's, 1 or 0, at each token of the full cache's answer. */
  readonly agreement: readonly number[];
}

/** Whether a file holds a sample: what a user or a fault made of it counts as absent, and is answered anew. */
export function isSample(kept: unknown): kept is Sample {
  if (typeof kept !== "object" || kept === null) return false;
  const { prediction, answer_tokens, context_tokens, live_bytes, kl, agreement } = kept as Record<
    keyof Sample,
    unknown
  >;
  const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0;
  const isList = (value: unknown, isOne: (one: unknown) => boolean) => Array.isArray(value) && value.every(isOne);
  return typeof prediction === "string" && [answer_tokens, context_tokens, live_bytes].every(isCount) &&
    isList(kl, (value) => Number.isFinite(value) && Number(value) >= 0) &&
    isList(agreement, (value) => value === 0 || value === 1) &&
    (kl as number[]).length > 0 && (kl as number[]).length === (agreement as number[]).length;
}

/** A sample's score and measures in their place: what statistics are taken of. */
export interface ScoredSample extends SettingName, Pick<Sample, "kl" | "agreement" | "answer_tokens" | "live_bytes"> {
  /** The row's place among all, from 0. */
  readonly index: number;
  /** Which context it is about; rows of one context share it. */
  readonly context: number;
  /** The row's task. */
  readonly task: string;
  /** The score, in [0, 1]. */
  readonly score: number;
}

/** A finished sample in its place. */
export interface EvaluatedSample extends ScoredSample, Sample {
  /** The row. */
  readonly row: DatasetRow;
}

/** A sample whose answer failed. */
export interface FailedSample extends SettingName {
  /** The row's place in the dataset, from 0. */
  readonly index: number;
  /** The row's task. */
  readonly task: string;
  /** Why, in one line. */
  readonly reason: string;
}
