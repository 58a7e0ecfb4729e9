import { parseJson } from "../../files/json_object.ts";
import { checkScorerName } from "../scorers/scorers.ts";
import { quoted } from "../../files/quoted.ts";

/** How a row's texts become one prompt: in the model's chat template, or as they are, nothing before or between. */
export type RowTemplate = "chat" | "none";

/** One question about one context, by the names of kvpress's datasets. */
export interface DatasetRow {
  /** What kind of question it is; scores are given by task. */
  readonly task: string;
  /** What is read before the eviction. */
  readonly context: string;
  /** What is asked after it. */
  readonly question: string;
  /** How the answer begins; the model says the rest. */
  readonly answer_prefix: string;
  /** The right answers; the scorer says whether one of them or all of them are wanted. */
  readonly answer: readonly string[];
  /** Where the answer ends at the latest. */
  readonly max_new_tokens: number;
  /** Where the first thing asked for stands: the share of the context's characters before it, in [0, 1). */
  readonly depth?: number;
  /** Tokens that the prompt and the longest answer take at most, where the row was written to a length. */
  readonly length?: number;
  /** `chat` by default, which is kvpress's way. */
  readonly template?: RowTemplate;
  /** What scores the answer; by default what kvpress scores the task by: see {@linkcode SCORERS}. */
  readonly scorer?: string;
  /** The classes of which one is the answer, for the scorer `choice`, by LongBench's name. */
  readonly all_classes?: readonly string[];
}

/**
 * Reads a dataset in kvpress's format, one JSON object a line. Fields that are not known are left out.
 *
 * @param name the file's, for messages
 * @throws {SyntaxError} if there are no rows, a line is malformed, or a template or scorer is unknown; names the line
 *
 * @example
 * ```ts
 * import { parseDatasetRows } from "kvmirror/eval";
 *
 * const line = { task: "colour", context: "The sky is blue. ", question: "Which colour?", answer_prefix: " It is",
 *   answer: ["blue"], max_new_tokens: 4 };
 * const [row] = parseDatasetRows(JSON.stringify(line), "rows.jsonl");
 * ```
 */
export function parseDatasetRows(text: string, name: string): DatasetRow[] {
  const rows = text.replace(/^\ufeff/, "").split("\n").flatMap((line, index) =>
    line.trim() === "" ? [] : [parseRow(line, `line ${index + 1} of ${name}`)]
  );
  if (rows.length === 0) {
    throw new SyntaxError(`Cannot evaluate ${name} as it has no rows: give one JSON object a line`);
  }
  return rows;
}

function parseRow(line: string, label: string): DatasetRow {
  const fields = parseObject(line, label);
  const row = {
    task: readText(fields, "task", label),
    context: readText(fields, "context", label),
    question: readText(fields, "question", label, ""),
    answer_prefix: readText(fields, "answer_prefix", label, ""),
    answer: readAnswers(fields, label),
    max_new_tokens: readCount(fields, label),
  };
  for (const name of ["task", "context"] as const) {
    if (row[name] === "") throw new SyntaxError(`Cannot read ${label} as its ${name} is empty: give a text`);
  }
  const { depth, length, all_classes: classes } = fields;
  return {
    ...row,
    ...(typeof depth === "number" && depth >= 0 && depth < 1 ? { depth } : {}),
    ...(Number.isSafeInteger(length) && Number(length) > 0 ? { length: Number(length) } : {}),
    ...readTemplate(fields, label),
    ...readScorer(fields, label),
    ...(isTexts(classes) ? { all_classes: classes } : {}),
  };
}

function readTemplate({ template }: Readonly<Record<string, unknown>>, label: string): Pick<DatasetRow, "template"> {
  if (template === undefined || template === null) return {};
  if (template === "chat" || template === "none") return { template };
  throw new SyntaxError(`Cannot read ${label} as it has ${describe(template)} template: give chat or none`);
}

function readScorer({ scorer }: Readonly<Record<string, unknown>>, label: string): Pick<DatasetRow, "scorer"> {
  if (scorer === undefined || scorer === null) return {};
  try {
    if (typeof scorer !== "string") throw new RangeError(`it has ${describe(scorer)} scorer: give a name`);
    checkScorerName(scorer);
    return { scorer };
  } catch (error) {
    throw new SyntaxError(`Cannot read ${label}: ${(error as Error).message}`, { cause: error });
  }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((text) => typeof text === "string" && text !== "");
}

function parseObject(line: string, label: string): Readonly<Record<string, unknown>> {
  const value = parseJson(line, label);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new SyntaxError(`Cannot read ${label} as it is no JSON object: give {"task": …, "context": …, "answer": […]}`);
}

function readText(fields: Readonly<Record<string, unknown>>, name: string, label: string, fallback?: string): string {
  const value = fields[name] ?? fallback;
  if (typeof value === "string" && value.isWellFormed()) return value;
  throw new SyntaxError(`Cannot read ${label} as it has ${describe(value)} ${name}: give a text`);
}

function readAnswers({ answer }: Readonly<Record<string, unknown>>, label: string): string[] {
  if (isTexts(answer)) return answer;
  throw new SyntaxError(`Cannot read ${label} as it has ${describe(answer)} answer: give a list of texts`);
}

function readCount({ max_new_tokens: count }: Readonly<Record<string, unknown>>, label: string): number {
  if (Number.isSafeInteger(count) && Number(count) >= 1) return Number(count);
  throw new SyntaxError(
    `Cannot read ${label} as it has ${describe(count)} max_new_tokens: give a whole number of at least 1`,
  );
}

function describe(value: unknown): string {
  return value === undefined || value === null ? "no" : `${quoted(value)} for`;
}
