import { quoted } from "../files/quoted.ts";
/** Begins every trace file. */
export const TRACE_MAGIC = "KVMTRACE";
/** Raised whenever the layout changes. */
export const TRACE_VERSION = 1;
/** Tells a step from the footer that ends the file. */
export const RECORD = { step: 1, footer: 2 } as const;

/** What a trace says of its model and prompt. */
export interface TraceHeader {
  /** The model's name. */
  readonly model_name: string;
  /** Tokens of the prompt. */
  readonly prompt_token_count: number;
  /** Layers. */
  readonly layer_count: number;
  /** KV heads per layer. */
  readonly kv_head_count: number;
  /** Cache bytes of one token over all layers and heads, at 2 bytes a value. */
  readonly bytes_per_token: number;
  /** Each prompt token as the vocabulary spells it: `[prompt_token_count]`. */
  readonly token_texts: readonly string[];
}

/** What follows the steps of a trace. */
export interface TraceFooter {
  /** Steps in the file. */
  readonly generated_token_count: number;
  /** What the model generated. */
  readonly generated_ids: readonly number[];
}

/** Attention of one generation step: `[layers · kv heads, prompt tokens]`, the newest query's, a mean over its group. */
export type TraceStep = Float32Array;

/** Values in a step. */
export function stepSize(header: TraceHeader): number {
  return header.layer_count * header.kv_head_count * header.prompt_token_count;
}

/**
 * Checks the parsed header of a trace.
 *
 * @throws {SyntaxError} naming the field that is missing or wrong
 */
export function checkHeader(value: unknown): TraceHeader {
  const header = value as TraceHeader;
  if (typeof header !== "object" || header === null) throw new SyntaxError("Cannot read the trace as it has no header");
  for (const field of ["prompt_token_count", "layer_count", "kv_head_count", "bytes_per_token"] as const) {
    const count = header[field];
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new SyntaxError(`Cannot read the trace as ${field} is ${quoted(count)}: it must be at least 1`);
    }
  }
  if (typeof header.model_name !== "string") throw new SyntaxError("Cannot read the trace as model_name is no text");
  const texts = header.token_texts;
  if (!Array.isArray(texts) || texts.length !== header.prompt_token_count) {
    throw new SyntaxError(
      `Cannot read the trace as it has ${lengthOf(texts)} token_texts for ${header.prompt_token_count} tokens`,
    );
  }
  if (!texts.every((text) => typeof text === "string")) {
    throw new SyntaxError("Cannot read the trace as its token_texts are not all texts");
  }
  if (stepSize(header) > MAX_STEP_VALUES) {
    throw new SyntaxError(
      `Cannot read the trace as a step of it has ${stepSize(header)} values: the limit is ${MAX_STEP_VALUES}`,
    );
  }
  return header;
}

/** Values of a step: 126 layers of 8 heads have fewer up to 250,000 tokens. */
const MAX_STEP_VALUES = 2 ** 28;

/** How many items a list of a file has. */
export function lengthOf(list: unknown): number {
  return Array.isArray(list) ? list.length : 0;
}
