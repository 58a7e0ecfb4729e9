import type { EvaluationRow } from "./evaluation_row.ts";
import type { FactPrompt } from "./fact_prompt.ts";

/**
 * A prompt with facts in it as a row of an evaluation: one of its facts is asked for.
 *
 * @param task what the row's scores go by
 * @param index of the fact, from 0
 * @throws {RangeError} if there is no such fact
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { factPrompt, factRow } from "kvmirror/eval";
 *
 * const prompt = factPrompt({ seed: 7 });
 * assertEquals(factRow("codes", prompt, 1).answer, [prompt.facts[1].answer]);
 * ```
 */
export function factRow(task: string, { text, facts }: FactPrompt, index = 0): EvaluationRow {
  const fact = facts.at(index);
  if (fact === undefined || index < 0) {
    throw new RangeError(`Cannot ask for fact ${index} as the prompt has ${facts.length}`);
  }
  return {
    task,
    context: text,
    question: `\n\nQuestion: ${fact.question}`,
    answer_prefix: `Answer: ${fact.answerPrefix}`,
    answer: [fact.answer],
    max_new_tokens: 8,
    depth: fact.depth,
  };
}
