import type { Tokenizer } from "../engine/mod.ts";
import type { QuestionTiming } from "./answer_study.ts";
import type { EvaluationRow } from "./evaluation_row.ts";
import { kvpressPrompt } from "./kvpress_prompt.ts";
import { generateRows } from "./ruler/generate_rows.ts";

/** Options of {@linkcode taskRows}. */
export interface TaskRowsOptions {
  /** Tokens that the prompt and the longest answer take at most; 1,024 by default. */
  readonly length?: number;
  /** Rows; the first of more are the same. 50 by default. */
  readonly samples?: number;
  /** 42 by default. */
  readonly seed?: number;
  /** `agnostic` by default. */
  readonly timing?: QuestionTiming;
  /** Tokens after which an answer is cut, in place of the task's own. */
  readonly maxNewTokens?: number;
}

/**
 * Rows of a task after RULER, as long as a model's own tokens make them.
 *
 * @throws {RangeError} if there is no such task, or the length does not hold it
 */
export function taskRows(
  tokenizer: Tokenizer,
  task: string,
  { timing, maxNewTokens, ...options }: TaskRowsOptions = {},
): EvaluationRow[] {
  const countTokens = (row: EvaluationRow): number => {
    const { contextIds, questionIds } = kvpressPrompt(tokenizer, row, timing);
    return contextIds.length + questionIds.length;
  };
  const rows = generateRows(task, { ...options, countTokens });
  return maxNewTokens === undefined ? rows : rows.map((row) => ({ ...row, max_new_tokens: maxNewTokens }));
}
