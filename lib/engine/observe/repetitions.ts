import { splitChatTemplate } from "../tokenizer/chat_template.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** Tokens of the context that one pass repeats. */
const SEGMENT_TOKENS = 2048;
/** Tokens of the segment before, which a further request quotes. */
const OVERLAP_TOKENS = 8;

/** A segment of the context, and the tokens by which the model repeats it. */
export interface Repetition {
  /** Position of the segment's first token. */
  readonly start: number;
  /** The position after the segment's last token. */
  readonly end: number;
  /** The request, the end of the user's turn, and the segment again. */
  readonly ids: readonly number[];
}

/**
 * Cuts a context into segments and writes KVzip's requests to repeat them (Kim et al. 2025,
 * https://arxiv.org/abs/2505.23416), in kvpress's words. As in kvpress, the context's first tokens count as the chat
 * template's own: as many as open a turn.
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
