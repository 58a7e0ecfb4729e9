import type { Model, PositionMode } from "../../engine/mod.ts";
import { cacheFolder } from "../../files/cache_folder.ts";
import { textHash } from "../../files/hash.ts";
import { writeAtomicSync } from "../../files/write_atomic.ts";
import type { DatasetRow } from "../dataset/dataset_row.ts";
import type { QuestionTiming } from "../dataset/kvpress_prompt.ts";
import type { Sample } from "./sample.ts";
import type { SettingName } from "./setting.ts";

/** Where finished cells are kept. */
export interface SampleStore {
  /** The cell of this key; undefined if it is not there. */
  read(key: string): Sample | undefined;
  /** Keeps a cell, whole or not at all. */
  write(key: string, sample: Sample): void;
}

/**
 * A folder of finished cells, a file each; a file appears whole or not at all, so a run may be killed at any time.
 *
 * @param folder by default one in the cache folder, which all evaluations share
 */
export function sampleFolder(folder = `${cacheFolder()}/evaluation_cells`): SampleStore {
  Deno.mkdirSync(folder, { recursive: true });
  const path = (key: string) => `${folder}/${key}.json`;
  return {
    read: (key) => {
      try {
        return JSON.parse(Deno.readTextFileSync(path(key))) as Sample;
      } catch (error) {
        if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
        throw error;
      }
    },
    write: (key, sample) => writeAtomicSync(path(key), JSON.stringify(sample)),
  };
}

/** Raised where the same row and arm would give another cell than before. */
const SAMPLE_VERSION = 1;

/** What a cell depends on, beside the code. */
export interface SampleOrigin extends SettingName {
  readonly model: Pick<Model, "hash" | "origin">;
  readonly row: Pick<DatasetRow, "context" | "question" | "answer_prefix" | "max_new_tokens">;
  readonly timing: QuestionTiming;
  readonly positions: PositionMode;
}

/** sha256 of what a cell depends on, hex. The answers are not among it, as scores are computed anew. */
export function sampleKey({ model, policy, compression_ratio, row, timing, positions }: SampleOrigin): string {
  const { context, question, answer_prefix, max_new_tokens } = row;
  const setting = [SAMPLE_VERSION, model.hash, model.origin.weights, policy, compression_ratio, timing, positions];
  const parts = [...setting, context, question, answer_prefix, max_new_tokens];
  return textHash(JSON.stringify(parts));
}
