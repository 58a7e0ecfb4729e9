import { createHash } from "node:crypto";
import type { Model, PositionMode } from "../engine/mod.ts";
import type { QuestionTiming } from "./answer_study.ts";
import type { ArmName } from "./evaluated_cell.ts";
import type { EvaluationRow } from "./evaluation_row.ts";

/** Raised where the same row and arm would give another cell than before. */
const CELL_VERSION = 1;

/** What a cell depends on, beside the code. */
export interface CellOrigin extends ArmName {
  readonly model: Pick<Model, "hash" | "origin">;
  readonly row: Pick<EvaluationRow, "context" | "question" | "answer_prefix" | "max_new_tokens">;
  readonly timing: QuestionTiming;
  readonly positions: PositionMode;
}

/** sha256 of what a cell depends on, hex. The answers are not among it, as scores are computed anew. */
export function cellKey({ model, policy, compression_ratio, row, timing, positions }: CellOrigin): string {
  const { context, question, answer_prefix, max_new_tokens } = row;
  const arm = [CELL_VERSION, model.hash, model.origin.weights, policy, compression_ratio, timing, positions];
  const parts = [...arm, context, question, answer_prefix, max_new_tokens];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
