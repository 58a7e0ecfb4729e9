import type { PositionMode } from "../../engine/mod.ts";
import { keepAll } from "../../policies/keep_all.ts";
import type { EvaluationRow } from "../dataset/evaluation_row.ts";
import { kvpressPrompt, type QuestionTiming } from "../dataset/kvpress_prompt.ts";
import { evaluateContext, type EvaluatedModel } from "./evaluate_context.ts";
import type { Cell, EvaluatedCell, FailedCell } from "./sample.ts";
import { cellKey, type CellStore } from "./sample_store.ts";
import { stringMatch } from "./scorers.ts";
import { type ArmName, armName, type EvaluationArm } from "./setting.ts";

/** Options of {@linkcode evaluate}. */
export interface EvaluateOptions {
  /** `agnostic` by default: rows go before the question is read. */
  readonly timing?: QuestionTiming;
  /** `logical` by default. */
  readonly positions?: PositionMode;
  /** Where finished cells are kept, so that another run goes on; nowhere by default. */
  readonly cells?: CellStore;
  /** Ends the evaluation between two tokens. */
  readonly signal?: AbortSignal;
  /** Called with the cells done, those of them that were found finished, and their number. */
  readonly onProgress?: (done: number, found: number, total: number) => void;
}

/** All cells of an evaluation. */
export interface Evaluation {
  /** In the order of the arms, then of the rows; the full cache's first. */
  readonly cells: readonly EvaluatedCell[];
  /** Cells that could not be had. */
  readonly failures: readonly FailedCell[];
}

/** An arm in its place among all. */
type PlacedArm = EvaluationArm & { readonly place: number };

const FULL_CACHE: EvaluationArm = { policy: keepAll(), compressionRatio: 0 };

/**
 * Asks every row under every arm, the full cache first. Rows of one context share one prefill, and all arms fork from
 * it, so scores are paired. A cell that fails is reported, and the others go on.
 *
 * @throws {Error} the signal's reason, if that ends the evaluation
 *
 * @example
 * ```ts ignore
 * import { loadModel } from "kvmirror/engine";
 * import { evaluate, parseEvaluationRows, resultRows } from "kvmirror/eval";
 * import { policy } from "kvmirror/policies";
 *
 * await using model = await loadModel("auto");
 * const rows = parseEvaluationRows(await Deno.readTextFile("rows.jsonl"), "rows.jsonl");
 * const { cells } = await evaluate(model, rows, [{ policy: policy("hybrid"), compressionRatio: 0.5 }]);
 * resultRows(cells);
 * ```
 */
export async function evaluate(
  model: EvaluatedModel,
  rows: readonly EvaluationRow[],
  arms: readonly EvaluationArm[],
  { timing = "agnostic", positions = "logical", cells: store, signal, onProgress }: EvaluateOptions = {},
): Promise<Evaluation> {
  const all: PlacedArm[] = [FULL_CACHE, ...arms].map((arm, place) => ({ ...arm, place }));
  const total = all.length * rows.length;
  const cells: (EvaluatedCell | undefined)[] = Array(total);
  const failures: FailedCell[] = [];
  const counts = { done: 0, found: 0 };
  const report = () => onProgress?.(counts.done, counts.found, total);
  const contexts = Map.groupBy(rows.keys(), (index) => contextText(rows[index], timing));
  for (const [context, indices] of [...contexts.values()].entries()) {
    const place = (arm: PlacedArm, index: number, cell: Cell): void => {
      const row = rows[index];
      const score = stringMatch(row.task, cell.prediction, row.answer);
      cells[arm.place * rows.length + index] = { ...nameOf(arm), index, context, task: row.task, score, row, ...cell };
      counts.done++;
      report();
    };
    const key = (arm: PlacedArm, row: EvaluationRow) => cellKey({ ...nameOf(arm), model, row, timing, positions });
    const missing = indices.map((index) => ({
      index,
      arms: all.filter((arm) => {
        const cell = store?.read(key(arm, rows[index]));
        if (cell === undefined) return true;
        counts.found++;
        place(arm, index, cell);
        return false;
      }),
    })).filter((question) => question.arms.length > 0);
    if (missing.length === 0) continue;
    const questions = missing.map((question) => ({
      ...question,
      ...kvpressPrompt(model.tokenizer, rows[question.index], timing),
      maxNewTokens: rows[question.index].max_new_tokens,
    }));
    for await (const { question: { index }, arm, cell } of evaluateContext(model, questions, positions, signal)) {
      if (!(cell instanceof Error)) {
        store?.write(key(arm, rows[index]), cell);
        place(arm, index, cell);
        continue;
      }
      failures.push({ ...nameOf(arm), index, task: rows[index].task, reason: oneLine(cell.message || cell.name) });
      counts.done++;
      report();
    }
  }
  return { cells: cells.filter((cell) => cell !== undefined), failures };
}

function nameOf(arm: EvaluationArm): ArmName {
  return { policy: armName(arm), compression_ratio: arm.compressionRatio };
}

function contextText({ context, question }: EvaluationRow, timing: QuestionTiming): string {
  return timing === "aware" ? context + question : context;
}

function oneLine(message: string): string {
  return message.replaceAll(/\s*\n\s*/g, " ").trim();
}
