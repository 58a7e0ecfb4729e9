import { mobyDick } from "kvmirror/eval";
import type { LookupRequest } from "./measurement.ts";

/** Tokens of a novel that are read before the questions; a quarter of a shorter context. */
const TEXT_TOKENS = 1024;

/** Tokens of an answer. */
export const LOOKUP_ANSWER_TOKENS = 128;

/** Characters of it that the first question quotes. */
const QUOTED = 200;

/** Questions about a text: one whose answer repeats it, one whose answer need not. */
export function lookupRequest(maxPositionEmbeddings: number): LookupRequest {
  const text = mobyDick()[0];
  return {
    measure: "lookup",
    text,
    context: Math.min(TEXT_TOKENS, maxPositionEmbeddings / 4),
    questions: {
      quote: `\n\nRepeat the text above word for word:\n\n${text.slice(0, QUOTED)}`,
      free: "\n\nWhat is the text above about? Answer:",
    },
    tokens: LOOKUP_ANSWER_TOKENS,
  };
}
