import { cannotFind } from "../../../numeric/nearest_name.ts";
import type { DatasetRow } from "../dataset_row.ts";
import { commonWords, frequentWords } from "./aggregation.ts";
import { codeFunctions } from "./code_functions.ts";
import { Draw } from "./draw.ts";
import { jsonRecords, keyValues } from "./entries.ts";
import { countSteps, repeatWords, runningSums } from "./long_answers.ts";
import { needleTask } from "./needles.ts";
import { proseFacts } from "./prose_facts.ts";
import type { TaskDefinition } from "./task_definition.ts";
import { variableTracking } from "./variable_tracking.ts";

/** The tasks by name: RULER's as its `synthetic.yaml` defines them, facts in prose, functions in code, look-up, long answers. */
const TASKS: Readonly<Record<string, TaskDefinition>> = {
  niah_single_1: needleTask({ haystack: "noise" }),
  niah_single_2: needleTask({ haystack: "essay" }),
  niah_single_3: needleTask({ haystack: "essay", values: "uuids" }),
  niah_multikey_1: needleTask({ haystack: "essay", keyCount: 4 }),
  niah_multikey_2: needleTask({ haystack: "needles" }),
  niah_multikey_3: needleTask({ haystack: "needles", keys: "uuids", values: "uuids" }),
  niah_multivalue: needleTask({ haystack: "essay", valueCount: 4 }),
  niah_multiquery: needleTask({ haystack: "essay", queryCount: 4 }),
  vt: variableTracking,
  cwe: commonWords,
  fwe: frequentWords,
  facts_novel: proseFacts("novel"),
  facts_licences: proseFacts("licences"),
  code_functions: codeFunctions,
  key_values: keyValues,
  json_records: jsonRecords,
  repeat_words: repeatWords,
  running_sums: runningSums,
  count_steps: countSteps,
};

/** The names of all tasks that {@linkcode generateRows} writes. */
export const TASK_NAMES: readonly string[] = Object.keys(TASKS);

/** What rows are drawn from. */
export interface GenerateRowsOptions {
  /** Tokens that the prompt and the longest answer take at most; 1,024 by default. */
  readonly length?: number;
  /** Rows; the first of more are the same. 50 by default. */
  readonly samples?: number;
  /** 42 by default. */
  readonly seed?: number;
  /** Tokens of a whole prompt, its template among them; the answer is not counted. */
  readonly countTokens: (row: DatasetRow) => number;
}

/**
 * Writes rows of a task after RULER (Hsieh et al. 2024, https://arxiv.org/abs/2404.06654): its shapes and templates,
 * split into context and question as kvpress splits them; or of facts in prose, functions in code, or entries of a list,
 * three rows a text; or of lists to be written. Words are ours, essays are passages of Moby-Dick, another one in each text. The haystack is as long as
 * fits.
 *
 * @throws {RangeError} if there is no such task, or the length does not hold the task
 *
 * @example
 * ```ts
 * import { generateRows } from "./generate_rows.ts";
 *
 * const words = ({ context, question }: { context: string; question: string }) => (context + question).split(" ").length;
 * const [row] = generateRows("niah_single_2", { length: 600, samples: 1, countTokens: words });
 * console.log(row.question, row.answer);
 * ```
 */
export function generateRows(
  task: string,
  { length = 1024, samples = 50, seed = 42, countTokens }: GenerateRowsOptions,
): DatasetRow[] {
  const { leastSize, write, questions = 1 } = taskDefinition(task);
  for (const [name, value] of [["length", length], ["samples", samples]] as const) {
    if (Number.isSafeInteger(value) && value >= 1) continue;
    throw new RangeError(`Cannot write rows with ${name} ${value} as it must be a whole number of at least 1`);
  }
  const texts = Array.from({ length: Math.ceil(samples / questions) }, (_, index) => {
    const row = (size: number, question: number): DatasetRow => (
      { task, ...write(new Draw(`${task}/${seed}/${index}`), { size, length, question }), length }
    );
    const rows = (size: number) => Array.from({ length: questions }, (_, question) => row(size, question));
    const tokens = (size: number) => Math.max(...rows(size).map((whole) => countTokens(whole) + whole.max_new_tokens));
    const size = fitSize(tokens, length, leastSize);
    if (size !== undefined) return rows(size);
    throw new RangeError(
      `Cannot write ${task} in ${length} tokens as the shortest row takes ${tokens(leastSize)}: give a greater length`,
    );
  });
  return texts.flat().slice(0, samples);
}

/**
 * Checks that there is a task of this name.
 *
 * @throws {RangeError} if not; names the nearest
 */
export function checkTaskName(name: string): void {
  taskDefinition(name);
}

function taskDefinition(name: string): TaskDefinition {
  if (Object.hasOwn(TASKS, name)) return TASKS[name];
  throw new RangeError(cannotFind("task", name, TASK_NAMES));
}

/**
 * The largest size whose text is at most so long, found from both sides: between a size that fits and one that does
 * not, where the line between them meets the limit, and every other time half-way.
 *
 * @param measure length of the text of a size; it grows with the size, all in all
 * @returns undefined if the least size is too long already
 */
export function fitSize(measure: (size: number) => number, limit: number, least: number): number | undefined {
  let low = least;
  let lowLength = measure(low);
  if (lowLength > limit) return undefined;
  let high = low;
  let highLength = lowLength;
  while (highLength <= limit) {
    [low, lowLength] = [high, highLength];
    const rate = Math.max(1, highLength) / Math.max(1, high);
    high = Math.max(high + 1, Math.ceil((1.1 * limit) / rate));
    highLength = measure(high);
  }
  for (let turn = 0; high - low > 1; turn++) {
    const share = turn % 2 === 0 ? (limit - lowLength) / (highLength - lowLength) : 0.5;
    const middle = Math.min(high - 1, Math.max(low + 1, low + Math.round((high - low) * share)));
    const length = measure(middle);
    if (length <= limit) [low, lowLength] = [middle, length];
    else [high, highLength] = [middle, length];
  }
  return low;
}
