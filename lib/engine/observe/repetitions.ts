import { splitChatTemplate } from "../tokenizer/chat_template.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** Tokens of the context that one pass repeats. */
const SEGMENT_TOKENS = 2048;
/** Tokens of the stretch before that a further pass begins with. */
const OVERLAP_TOKENS = 8;

/** A stretch of the context, and the tokens that have the model repeat it. */
export interface Repetition {
  /** Place of its first token. */
  readonly start: number;
  /** Place after its last token. */
  readonly end: number;
  /** The request, the end of the user's turn, and the stretch again. */
  readonly ids: readonly number[];
}

/**
 * How a context is repeated: KVzip's requests (Kim et al. 2025, https://arxiv.org/abs/2505.23416), in kvpress's words.
 * As there, as many first tokens as the chat template opens a turn with are taken for the template's own.
 */
export function repetitions(tokenizer: Tokenizer, ids: readonly number[]): Repetition[] {
  const { open, close } = templateParts(tokenizer);
  const prefix = Math.min(tokenizer.encode(open).length, ids.length);
  const suffix = tokenizer.encode(close);
  const first = tokenizer.encode("\n\nRepeat the previous context exactly.");
  const further = tokenizer.encode("\n\nRepeat the part of the previous context exactly, starting with");
  const found: Repetition[] = [];
  for (let start = prefix; start < ids.length; start += SEGMENT_TOKENS) {
    const end = Math.min(ids.length, start + SEGMENT_TOKENS);
    const request = start === prefix ? first : [...further, ...ids.slice(start - OVERLAP_TOKENS, start)];
    found.push({ start, end, ids: [...request, ...suffix, ...ids.slice(start, end)] });
  }
  return found;
}

function templateParts(tokenizer: Tokenizer): { open: string; close: string } {
  try {
    return splitChatTemplate(tokenizer);
  } catch (error) {
    if (error instanceof RangeError) return { open: "", close: "\n" };
    throw error;
  }
}
