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
