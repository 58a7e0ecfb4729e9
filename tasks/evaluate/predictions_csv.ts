import type { EvaluatedCell } from "kvmirror/eval";

const COLUMNS = [
  "task",
  "question",
  "answer_prefix",
  "answer",
  "max_new_tokens",
  "predicted_answer",
  "compression_ratio",
  "press_name",
];

/**
 * The predictions with the columns of kvpress's `predictions.csv` (RFC 4180), all presses in one file: its own column,
 * `press_name`, is the last. Lists are JSON.
 */
export function predictionsCsv(cells: readonly EvaluatedCell[]): string {
  const lines = cells.map(({ row, prediction, policy, compression_ratio }) => [
    row.task,
    row.question,
    row.answer_prefix,
    JSON.stringify(row.answer),
    String(row.max_new_tokens),
    prediction,
    String(compression_ratio),
    policy === "keep_all" && compression_ratio === 0 ? "no_press" : policy,
  ]);
  return [COLUMNS, ...lines].map((fields) => `${fields.map(quote).join(",")}\n`).join("");
}

function quote(field: string): string {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
