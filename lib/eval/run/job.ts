import type { Model, ModelOrigin, PositionMode } from "../../engine/mod.ts";
import { textHash } from "../../files/hash.ts";
import { parseJsonObjectText } from "../../files/json_object.ts";
import type { PromptIds } from "../dataset/kvpress_prompt.ts";
import { isSample, type Sample } from "./sample.ts";
import type { SettingName } from "./setting.ts";

/** A setting that is to answer a question, and the key of its sample. */
export interface JobSetting extends SettingName {
  /** What `sampleKey` gives: sha256, hex. */
  readonly key: string;
}

/** A question about a job's context. */
export interface JobQuestion extends Omit<PromptIds, "contextIds"> {
  /** Tokens of the longest answer. */
  readonly maxNewTokens: number;
  /** The settings that are to answer it. */
  readonly settings: readonly JobSetting[];
}

/** Questions about one context under their settings: one prefill serves all. Data alone: no path, no code, no text. */
export interface Job {
  /** Where kept rows stand. */
  readonly positions: PositionMode;
  /** The context's tokens. */
  readonly contextIds: readonly number[];
  /** The questions about it, one at least. */
  readonly questions: readonly JobQuestion[];
}

/** A sample, or why there is none. */
export type JobOutcome =
  | { readonly key: string; readonly sample: Sample }
  | { readonly key: string; readonly error: string };

/** A model as others have to know it: they have a copy of their own. */
export type JobModel = Pick<Model, "hash"> & { readonly origin: Pick<ModelOrigin, "name" | "weights" | "build"> };

/** Has jobs answered elsewhere; their outcomes come in any order, each once. */
export type AskJobs = (model: JobModel, jobs: readonly Job[], signal?: AbortSignal) => AsyncIterable<JobOutcome>;

/** The line that ends the outcomes of a job. */
export const JOB_DONE = "{}";

/** The most characters of a job: some million tokens of context. */
export const MAX_JOB = 8 << 20;
/** The most characters of an outcome: an answer of some ten thousand tokens. */
export const MAX_OUTCOME = 1 << 20;

/** The name of a job: sha256 of its content, hex, so that the same job is added once. */
export function jobId(job: Job): string {
  return textHash(JSON.stringify([job.positions, job.contextIds, jobKeys(job).sort()]));
}

/** The keys of a job's samples. */
export function jobKeys({ questions }: Job): string[] {
  return questions.flatMap(({ settings }) => settings.map(({ key }) => key));
}

/** The job of the settings whose keys are among these; undefined where that is none. */
export function jobOf(job: Job, keys: ReadonlySet<string>): Job | undefined {
  const questions = job.questions
    .map((question) => ({ ...question, settings: question.settings.filter(({ key }) => keys.has(key)) }))
    .filter(({ settings }) => settings.length > 0);
  return questions.length === 0 ? undefined : { ...job, questions };
}

/**
 * Reads a job.
 *
 * @throws {SyntaxError} if it is none, or too large
 */
export function parseJob(text: string): Job {
  if (text.length > MAX_JOB) throw malformed("job", `it has ${text.length} characters: the limit is ${MAX_JOB}`);
  const { positions, contextIds, questions } = parseJsonObjectText(text, "a job");
  if (positions !== "logical" && positions !== "compact") throw malformed("job", "its positions are neither");
  if (!isIds(contextIds)) throw malformed("job", "its context is no list of tokens");
  if (!Array.isArray(questions) || questions.length === 0) throw malformed("job", "it asks nothing");
  return { positions, contextIds, questions: questions.map(parseQuestion) };
}

function parseQuestion(given: unknown): JobQuestion {
  const { openingTokens, questionIds, maxNewTokens, settings } = Object(given) as Record<string, unknown>;
  if (!isCount(openingTokens) || !isCount(maxNewTokens) || !isIdsOrNone(questionIds) || !Array.isArray(settings)) {
    throw malformed("job", "a question of it is malformed");
  }
  return { openingTokens, questionIds, maxNewTokens, settings: settings.map(parseSetting) };
}

function parseSetting(given: unknown): JobSetting {
  const { policy, compression_ratio, key } = Object(given) as Record<string, unknown>;
  const isShare = typeof compression_ratio === "number" && compression_ratio >= 0 && compression_ratio < 1;
  if (typeof policy !== "string" || policy.length > 1000 || !isShare || !isKey(key)) {
    throw malformed("job", "a setting of it is malformed");
  }
  return { policy, compression_ratio, key };
}

/**
 * Reads an outcome of the sample with this key.
 *
 * @throws {SyntaxError} if it is none, or too large
 */
export function parseOutcome(key: string, text: string): JobOutcome {
  if (text.length > MAX_OUTCOME) {
    throw malformed("sample", `it has ${text.length} characters: the limit is ${MAX_OUTCOME}`);
  }
  const { sample, error } = parseJsonObjectText(text, "a sample");
  if (isSample(sample)) {
    const { prediction, answer_tokens, context_tokens, live_bytes, kl, agreement } = sample;
    return { key, sample: { prediction, answer_tokens, context_tokens, live_bytes, kl, agreement } };
  }
  if (typeof error === "string") return { key, error };
  throw malformed("sample", "it is neither a sample nor a reason");
}

/** Reads an outcome's line, which names its key; undefined if it names none. */
export function parseOutcomeLine(line: string): JobOutcome | undefined {
  const { key } = parseJsonObjectText(line, "a sample");
  return isKey(key) ? parseOutcome(key, line) : undefined;
}

function malformed(what: string, why: string): SyntaxError {
  return new SyntaxError(`Cannot read a ${what} as ${why}`);
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isIdsOrNone = (value: unknown): value is number[] => Array.isArray(value) && value.every(isCount);
const isIds = (value: unknown): value is number[] => isIdsOrNone(value) && value.length > 0;

/** Whether this is a sample's key. */
export function isKey(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}
