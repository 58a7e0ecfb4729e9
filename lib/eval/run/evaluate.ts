import type { PositionMode } from "../../engine/mod.ts";
import { keepAll } from "../../policies/keep_all.ts";
import type { DatasetRow } from "../dataset/dataset_row.ts";
import { kvpressPrompt, type QuestionTiming } from "../dataset/kvpress_prompt.ts";
import { evaluateContext, type EvaluatedModel } from "./evaluate_context.ts";
import type { EvaluatedSample, FailedSample, Sample } from "./sample.ts";
import { sampleKey, type SampleStore } from "./sample_store.ts";
import { stringMatch } from "./scorers.ts";
import { type Setting, type SettingName, settingName } from "./setting.ts";

/** Options of {@linkcode evaluate}. */
export interface EvaluateOptions {
  /** `agnostic` by default: rows go before the question is read. */
  readonly timing?: QuestionTiming;
  /** `logical` by default. */
  readonly positions?: PositionMode;
  /** Where finished cells are kept, so that another run goes on; nowhere by default. */
  readonly samples?: SampleStore;
  /** Ends the evaluation between two tokens. */
  readonly signal?: AbortSignal;
  /** Called with the cells done, those of them that were found finished, and their number. */
  readonly onProgress?: (done: number, found: number, total: number) => void;
}

/** All cells of an evaluation. */
export interface Evaluation {
  /** In the order of the arms, then of the rows; the full cache's first. */
  readonly samples: readonly EvaluatedSample[];
  /** Cells that could not be had. */
  readonly failures: readonly FailedSample[];
}

/** An arm in its place among all. */
type PlacedSetting = Setting & { readonly place: number };

const FULL_CACHE: Setting = { policy: keepAll(), compressionRatio: 0 };

/**
 * Asks every row under every arm, the full cache first. Rows of one context share one prefill, and all arms fork from
 * it, so scores are paired. A cell that fails is reported, and the others go on.
 *
 * @throws {Error} the signal's reason, if that ends the evaluation
 *
 * @example
 * ```ts ignore
 * import { loadModel } from "kvmirror/engine";
 * import { evaluate, parseDatasetRows, resultRows } from "kvmirror/eval";
 * import { policy } from "kvmirror/policies";
 *
 * await using model = await loadModel("auto");
 * const rows = parseDatasetRows(await Deno.readTextFile("rows.jsonl"), "rows.jsonl");
 * const { samples } = await evaluate(model, rows, [{ policy: policy("hybrid"), compressionRatio: 0.5 }]);
 * resultRows(samples);
 * ```
 */
export async function evaluate(
  model: EvaluatedModel,
  rows: readonly DatasetRow[],
  settings: readonly Setting[],
  { timing = "agnostic", positions = "logical", samples: store, signal, onProgress }: EvaluateOptions = {},
): Promise<Evaluation> {
  const all: PlacedSetting[] = [FULL_CACHE, ...settings].map((setting, place) => ({ ...setting, place }));
  const total = all.length * rows.length;
  const samples: (EvaluatedSample | undefined)[] = Array(total);
  const failures: FailedSample[] = [];
  const counts = { done: 0, found: 0 };
  const report = () => onProgress?.(counts.done, counts.found, total);
  const contexts = Map.groupBy(rows.keys(), (index) => contextText(rows[index], timing));
  for (const [context, indices] of [...contexts.values()].entries()) {
    const place = (setting: PlacedSetting, index: number, sample: Sample): void => {
      const row = rows[index];
      const score = stringMatch(row.task, sample.prediction, row.answer);
      samples[setting.place * rows.length + index] = {
        ...nameOf(setting),
        index,
        context,
        task: row.task,
        score,
        row,
        ...sample,
      };
      counts.done++;
      report();
    };
    const key = (setting: PlacedSetting, row: DatasetRow) =>
      sampleKey({ ...nameOf(setting), model, row, timing, positions });
    const missing = indices.map((index) => ({
      index,
      settings: all.filter((setting) => {
        const sample = store?.read(key(setting, rows[index]));
        if (sample === undefined) return true;
        counts.found++;
        place(setting, index, sample);
        return false;
      }),
    })).filter((question) => question.settings.length > 0);
    if (missing.length === 0) continue;
    const questions = missing.map((question) => ({
      ...question,
      ...kvpressPrompt(model.tokenizer, rows[question.index], timing),
      maxNewTokens: rows[question.index].max_new_tokens,
    }));
    for await (const { question: { index }, setting, sample } of evaluateContext(model, questions, positions, signal)) {
      if (!(sample instanceof Error)) {
        store?.write(key(setting, rows[index]), sample);
        place(setting, index, sample);
        continue;
      }
      failures.push({
        ...nameOf(setting),
        index,
        task: rows[index].task,
        reason: oneLine(sample.message || sample.name),
      });
      counts.done++;
      report();
    }
  }
  return { samples: samples.filter((sample) => sample !== undefined), failures };
}

function nameOf(setting: Setting): SettingName {
  return { policy: settingName(setting), compression_ratio: setting.compressionRatio };
}

function contextText({ context, question }: DatasetRow, timing: QuestionTiming): string {
  return timing === "aware" ? context + question : context;
}

function oneLine(message: string): string {
  return message.replaceAll(/\s*\n\s*/g, " ").trim();
}
