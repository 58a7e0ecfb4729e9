import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import type { Tokenizer } from "../../engine/mod.ts";
import type { DatasetRow } from "./dataset_row.ts";
import { kvpressPrompt, type QuestionTiming } from "./kvpress_prompt.ts";
import { generateRows } from "./tasks/generate_rows.ts";

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

const TASK_ROWS_OPTIONS: OptionNames<TaskRowsOptions> = {
  length: true,
  samples: true,
  seed: true,
  timing: true,
  maxNewTokens: true,
};

/**
 * Rows of a task after RULER, as long as a model's own tokens make them.
 *
 * @throws {RangeError} if there is no such task, or the length does not hold it
 */
export function taskRows(
  tokenizer: Tokenizer,
  task: string,
  options: TaskRowsOptions = {},
): DatasetRow[] {
  checkOptions("taskRows", options, TASK_ROWS_OPTIONS);
  const { timing, maxNewTokens, ...written } = options;
  const countTokens = (row: DatasetRow): number => {
    const { contextIds, questionIds } = kvpressPrompt(tokenizer, row, timing);
    return contextIds.length + questionIds.length;
  };
  const rows = generateRows(task, { ...written, countTokens });
  return maxNewTokens === undefined ? rows : rows.map((row) => ({ ...row, max_new_tokens: maxNewTokens }));
}

/**
 * Rows whose needles stand at every depth alike: of each depth the first, in their order.
 *
 * @param rows more than are wanted, their needles anywhere
 * @param perDepth rows of each depth
 * @param depths equal parts of the text, from its beginning to its end; 5 by default
 * @throws {RangeError} if a depth has too few rows
 */
export function evenDepths(rows: readonly DatasetRow[], perDepth: number, depths = 5): DatasetRow[] {
  const taken = new Array<number>(depths).fill(0);
  const chosen = rows.filter(({ depth = -1 }) => {
    const place = Math.floor(depth * depths);
    return place >= 0 && place < depths && taken[place]++ < perDepth;
  });
  const poor = taken.findIndex((count) => count < perDepth);
  if (poor < 0) return chosen;
  throw new RangeError(
    `Cannot take ${perDepth} rows of depth ${poor + 1} of ${depths} as there are ${taken[poor]}: write more rows`,
  );
}
