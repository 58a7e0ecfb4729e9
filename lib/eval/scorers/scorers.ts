import { cannotFind } from "../../numeric/nearest_name.ts";
import { choice } from "./choice.ts";
import { exact } from "./exact.ts";
import { rougeL } from "./rouge_l.ts";
import { stringMatch } from "./string_match.ts";
import { tokenF1 } from "./token_f1.ts";

/** What a scorer may look at beside an answer and its references. */
export interface ScoredRow {
  /** The row's task. */
  readonly task: string;
  /** The classes among which `choice` finds the answer's, by LongBench's name; the letters A to D by default. */
  readonly all_classes?: readonly string[];
}

/**
 * Scores what a model said.
 *
 * @param references right answers, one at least
 * @returns in [0, 1]
 */
export type Scorer = (prediction: string, references: readonly string[], row: ScoredRow) => number;

/** The name of a scorer, as a row's `scorer` has it. */
export type ScorerName = "string_match" | "exact" | "token_f1" | "rouge_l" | "choice";

/** The scorers by name. A new one is a name above and an entry here. */
export const SCORERS: Readonly<Record<ScorerName, Scorer>> = {
  /** The share of the references that the answer contains. */
  string_match: stringMatch,
  /** The answer is a reference, letter by letter. */
  exact,
  /** F1 of the words, as SQuAD has it. */
  token_f1: tokenF1,
  /** F1 of the longest common subsequences. */
  rouge_l: rougeL,
  /** The right option of several was named. */
  choice,
};

/**
 * What kvpress 0.5.5's evaluation scores these tasks by, or what comes nearest: LooGLE's texts have more measures there,
 * of which ROUGE-L's recall is one; tasks in Chinese, code, counts and arithmetic have measures that are not here. Tasks
 * without an entry, RULER's among them, are scored by `string_match`.
 */
const TASKS: Readonly<Record<Exclude<ScorerName, "string_match">, readonly string[]>> = {
  exact: ["aime25", "math500", "shortdep_cloze"],
  token_f1: [
    ...["narrativeqa", "qasper", "multifieldqa_en", "hotpotqa", "2wikimqa", "musique", "triviaqa"],
    "longbook_qa_eng",
  ],
  rouge_l: [
    ...["gov_report", "qmsum", "multi_news", "samsum"],
    ...["shortdep_qa", "longdep_qa", "longdep_summarization"],
    "needle_in_haystack",
  ],
  choice: ["trec", "lsht", "longbook_choice_eng", "code_debug", "longbench-v2"],
};

const BY_TASK: ReadonlyMap<string, ScorerName> = new Map(
  Object.entries(TASKS).flatMap(([scorer, tasks]) => tasks.map((task) => [task, scorer as ScorerName])),
);

/** LongBench's tasks whose answers go on with further examples: only the first line is the answer. */
const ONE_LINE_TASKS: readonly string[] = ["trec", "triviaqa", "samsum", "lsht"];

/** What scoring needs of a dataset's row. */
export interface AnsweredRow extends ScoredRow {
  /** Right answers. */
  readonly answer: readonly string[];
  /** In place of the task's own scorer. */
  readonly scorer?: ScorerName;
}

/** The scorer of a row: its own, else its task's, else `string_match`. A task's length (`qasper@1024`) does not count. */
export function scorerOf({ scorer, task }: Pick<AnsweredRow, "scorer" | "task">): ScorerName {
  return scorer ?? BY_TASK.get(baseTask(task)) ?? "string_match";
}

/**
 * The score of an answer to a row, in [0, 1], by the row's scorer.
 *
 * @throws {RangeError} if the row has no right answer
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { scoreAnswer } from "kvmirror/eval";
 *
 * assertEquals(scoreAnswer("It is blue.", { task: "colour", answer: ["blue", "grey"] }), 0.5);
 * assertEquals(scoreAnswer("Blue", { task: "colour", answer: ["blue"], scorer: "exact" }), 0);
 * ```
 */
export function scoreAnswer(prediction: string, row: AnsweredRow): number {
  if (row.answer.length === 0) throw new RangeError("Cannot score an answer without references: give at least one");
  const task = baseTask(row.task);
  const said = ONE_LINE_TASKS.includes(task) ? prediction.trimStart().split("\n")[0] : prediction;
  return SCORERS[scorerOf(row)](said, row.answer, { ...row, task });
}

/**
 * The name of a scorer, checked.
 *
 * @throws {RangeError} if there is no such scorer; names the nearest
 */
export function parseScorerName(name: string): ScorerName {
  const names = Object.keys(SCORERS) as ScorerName[];
  const found = names.find((scorer) => scorer === name);
  if (found !== undefined) return found;
  throw new RangeError(cannotFind("scorer", name, names));
}

function baseTask(task: string): string {
  return task.replace(/@\d+$/, "");
}
