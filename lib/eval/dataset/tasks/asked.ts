import type { Draw } from "./draw.ts";
import type { TaskPrompt } from "./task_definition.ts";

/** Rows in a row that ask one text for a thing each. */
export const QUESTIONS = 3;

/** A thing that a text says once, and what asks for it. */
export interface Asked {
  /** The part of the text that says it. */
  readonly said: string;
  readonly question: string;
  /** How an answer begins. */
  readonly answerPrefix: string;
  readonly answer: string;
}

/**
 * The prompt that asks a text for one of the things that it says.
 *
 * @param place which of {@linkcode QUESTIONS} rows it is: each asks for another thing
 * @param end what the context has behind the text; a depth is a share of the text alone
 */
export function askedPrompt(
  draw: Draw,
  text: string,
  things: readonly Asked[],
  place: number,
  end = "",
): TaskPrompt {
  const { said, question, answerPrefix, answer } = draw.shuffled(things)[place];
  return {
    context: text + end,
    question,
    answer_prefix: answerPrefix,
    answer: [answer],
    max_new_tokens: 12,
    depth: text.indexOf(said) / text.length,
  };
}
