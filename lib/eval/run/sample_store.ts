import type { Model, PositionMode } from "../../engine/mod.ts";
import { cacheFolder } from "../../files/cache_folder.ts";
import { textHash } from "../../files/hash.ts";
import { writeAtomicSync } from "../../files/write_atomic.ts";
import type { EvaluationRow } from "../dataset/evaluation_row.ts";
import type { QuestionTiming } from "../dataset/kvpress_prompt.ts";
import type { Cell } from "./sample.ts";
import type { ArmName } from "./setting.ts";

/** Where finished cells are kept. */
export interface CellStore {
  /** The cell of this key; undefined if it is not there. */
  read(key: string): Cell | undefined;
  /** Keeps a cell, whole or not at all. */
  write(key: string, cell: Cell): void;
}

/**
 * A folder of finished cells, a file each; a file appears whole or not at all, so a run may be killed at any time.
 *
 * @param folder by default one in the cache folder, which all evaluations share
 */
export function cellFolder(folder = `${cacheFolder()}/evaluation_cells`): CellStore {
  Deno.mkdirSync(folder, { recursive: true });
  const path = (key: string) => `${folder}/${key}.json`;
  return {
    read: (key) => {
      try {
        return JSON.parse(Deno.readTextFileSync(path(key))) as Cell;
      } catch (error) {
        if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
        throw error;
      }
    },
    write: (key, cell) => writeAtomicSync(path(key), JSON.stringify(cell)),
  };
}

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
  return textHash(JSON.stringify(parts));
}
