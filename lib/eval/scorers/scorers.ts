import { cannotFind } from "../../numeric/nearest_name.ts";
import { choice } from "./choice.ts";
import { exact } from "./exact.ts";
import { inOrder } from "./in_order.ts";
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

/** One line of the table. */
export interface ScorerEntry {
  /** Scores what a model said. */
  readonly score: Scorer;
  /** What its number says, as a report puts it behind "is". */
  readonly meaning: string;
  /**
   * The tasks that kvpress 0.5.5's evaluation scores by it, or by what comes nearest: LooGLE's texts have more measures
   * there, of which ROUGE-L's recall is one; tasks in Chinese, code, counts and arithmetic have measures that are not here.
   */
  readonly tasks: readonly string[];
}

/** Every scorer by name. */
export const SCORERS: Readonly<Record<string, ScorerEntry>> = {
  string_match: {
    score: stringMatch,
    meaning: "the share of the right answers that an answer contains",
    tasks: [], // and all that no other scorer has, RULER's among them
  },
  exact: {
    score: exact,
    meaning: "whether the answer is a right one, letter by letter",
    tasks: ["aime25", "math500", "shortdep_cloze"],
  },
  token_f1: {
    score: tokenF1,
    meaning: "F1 of the words that the answer shares with a right one",
    tasks: [
      ...["narrativeqa", "qasper", "multifieldqa_en", "hotpotqa", "2wikimqa", "musique", "triviaqa"],
      "longbook_qa_eng",
    ],
  },
  rouge_l: {
    score: rougeL,
    meaning: "F1 of the longest common subsequences with a right answer",
    tasks: [
      ...["gov_report", "qmsum", "multi_news", "samsum"],
      ...["shortdep_qa", "longdep_qa", "longdep_summarization"],
      "needle_in_haystack",
    ],
  },
  in_order: {
    score: inOrder,
    meaning: "the share of the right answers that an answer says one after the other, before it says another thing",
    tasks: [],
  },
  choice: {
    score: choice,
    meaning: "whether the right option was named",
    tasks: ["trec", "lsht", "longbook_choice_eng", "code_debug", "longbench-v2"],
  },
};

const BY_TASK: ReadonlyMap<string, string> = new Map(
  Object.entries(SCORERS).flatMap(([name, { tasks }]) => tasks.map((task) => [task, name])),
);

/** LongBench's tasks whose answers go on with further examples: only the first line is the answer. */
const ONE_LINE_TASKS: readonly string[] = ["trec", "triviaqa", "samsum", "lsht"];

/** What scoring needs of a dataset's row. */
export interface AnsweredRow extends ScoredRow {
  /** Right answers. */
  readonly answer: readonly string[];
  /** In place of the task's own scorer. */
  readonly scorer?: string;
}

/**
 * The name of a row's scorer: its own, else its task's, else `string_match`. A task's length (`qasper@1024`) does not count.
 *
 * @throws {RangeError} if there is no such scorer; names the nearest
 */
export function scorerOf({ scorer, task }: Pick<AnsweredRow, "scorer" | "task">): string {
  if (scorer !== undefined) checkScorerName(scorer);
  return scorer ?? BY_TASK.get(baseTask(task)) ?? "string_match";
}

/**
 * The score of an answer to a row, in [0, 1], by the row's scorer.
 *
 * @throws {RangeError} if the row has no right answer, or there is no such scorer
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
  return SCORERS[scorerOf(row)].score(said, row.answer, { ...row, task });
}

/**
 * Checks the name of a scorer.
 *
 * @throws {RangeError} if there is no such scorer; names the nearest
 */
export function checkScorerName(name: string): void {
  if (!Object.hasOwn(SCORERS, name)) throw new RangeError(cannotFind("scorer", name, Object.keys(SCORERS)));
}

function baseTask(task: string): string {
  return task.replace(/@\d+$/, "");
}
