import { mobyDick } from "kvmirror/eval";
import type { Workload } from "./workloads.ts";

/** Tokens of a novel that are read before the questions; a quarter of a shorter context. */
const TEXT_TOKENS = 1024;

/** Characters of it that the first question quotes. */
const QUOTED = 200;

/** Tokens of an answer. */
export const LOOKUP_ANSWER_TOKENS = 128;

/** Questions about a text: one whose answer repeats it, one whose answer need not. */
export function lookupWorkload(maxPositionEmbeddings: number): Workload {
  const text = mobyDick()[0];
  const context = Math.min(TEXT_TOKENS, maxPositionEmbeddings / 4);
  const request = {
    measure: "lookup",
    text,
    context,
    questions: {
      quote: `\n\nRepeat the text above word for word:\n\n${text.slice(0, QUOTED)}`,
      free: "\n\nWhat is the text above about? Answer:",
    },
    tokens: LOOKUP_ANSWER_TOKENS,
  } as const;
  return { context, request };
}
