import { type Displayable, type DisplayBundle, shownAs } from "../../display/display.ts";
import { factsDisplay, grouped } from "../../display/facts.ts";
import { mean } from "../../numeric/mean.ts";
import { checkOptions, checkWord, type OptionNames } from "../../numeric/nearest_name.ts";
import type { PositionMode } from "../../engine/mod.ts";
import { policy } from "../../policies/table.ts";
import type { DatasetRow } from "../dataset/dataset_row.ts";
import { kvpressPrompt, type QuestionTiming } from "../dataset/kvpress_prompt.ts";
import { scoreAnswer, scorerOf } from "../scorers/scorers.ts";
import { answerElsewhere, answerHere, type ContextQuestion, type EvaluatedModel } from "./evaluate_context.ts";
import type { EvaluatedSample, FailedSample, Sample } from "./sample.ts";
import { sampleKey, type SampleStore } from "./sample_store.ts";
import { checkSetting, type Setting, settingName } from "./setting.ts";

/** Options of {@linkcode evaluate}. */
export interface EvaluateOptions {
  /** `agnostic` by default: rows go before the question is read. */
  readonly timing?: QuestionTiming;
  /** `logical` by default. */
  readonly positions?: PositionMode;
  /**
   * Where finished samples are kept, so that another run goes on; nowhere by default. Those of policies that `policy` did
   * not make are not kept, as nothing tells when such a policy changes.
   */
  readonly samples?: SampleStore;
  /** Ends the evaluation between two tokens. */
  readonly signal?: AbortSignal;
  /** Called with the samples done, how many of them the store had, and the number of all. */
  readonly onProgress?: (done: number, found: number, total: number) => void;
}

/** All samples of an evaluation. A notebook's cell shows the means of their scores. */
export interface Evaluation extends Displayable {
  /** In the order of the settings, then of the rows; the full cache's first. */
  readonly samples: readonly EvaluatedSample[];
  /** Samples whose answer failed. */
  readonly failures: readonly FailedSample[];
}

/** A setting in its place among all. */
type PlacedSetting = Setting & { readonly place: number };

/** A question by its row and its context. */
interface PlacedQuestion extends ContextQuestion {
  readonly index: number;
  readonly context: number;
  readonly settings: readonly PlacedSetting[];
}

/** A failure, and its context's, its row's and its setting's places: others than this process answer in any order. */
interface PlacedFailure {
  readonly at: readonly [number, number, number];
  readonly failure: FailedSample;
}

function byPlace({ at: one }: PlacedFailure, { at: other }: PlacedFailure): number {
  return one[0] - other[0] || one[1] - other[1] || one[2] - other[2];
}

const FULL_CACHE: Setting = { policy: policy("keep_all"), compressionRatio: 0 };

/**
 * Asks every row under every setting, the full cache first. Rows of one context share one prefill, and all settings fork
 * from it, so scores are paired. A row's own scorer scores its answers, else its task's: see {@linkcode scoreAnswer}. A
 * sample that fails is reported, and the others go on.
 *
 * @throws {RangeError} if a row asks for a scorer that is not there
 * @throws {Error} the signal's reason, if that ends the evaluation
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { loadModel } from "kvmirror/engine";
 * import { evaluate, parseDatasetRows, taskScores } from "kvmirror/eval";
 * import { policy } from "kvmirror/policies";
 *
 * await using model = await loadModel("tiny");
 * const line = {
 *   task: "numbers",
 *   context: "The special number for whale is 4711. The special number for ship is 2305.",
 *   question: "What is the special number for whale?",
 *   answer_prefix: "",
 *   answer: ["4711"],
 *   max_new_tokens: 8,
 * };
 * const rows = parseDatasetRows(JSON.stringify(line), "rows.jsonl");
 * const { samples } = await evaluate(model, rows, [{ policy: policy("hybrid"), compressionRatio: 0.5 }]);
 * assertEquals(taskScores(samples).map(({ policy }) => policy), ["keep_all", "hybrid"]);
 * ```
 */
export async function evaluate(
  model: EvaluatedModel,
  rows: readonly DatasetRow[],
  settings: readonly Setting[],
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const { timing = "agnostic", positions = "logical", samples: store, signal } = options;
  checkNames(settings, options);
  rows.forEach(scorerOf); // an unknown name is refused before the model runs
  const all: PlacedSetting[] = [FULL_CACHE, ...settings].map((setting, place) => ({ ...setting, place }));
  const total = all.length * rows.length;
  const samples: (EvaluatedSample | undefined)[] = Array(total);
  const failures: PlacedFailure[] = [];
  const counts = { done: 0, found: 0 };
  const report = () => options.onProgress?.(counts.done, counts.found, total);
  const prompts = rows.map((row) => kvpressPrompt(model.tokenizer, row, timing));
  // Rows share a prefill where they read the same tokens before the eviction.
  const contexts = Map.groupBy(rows.keys(), (index) => prompts[index].contextIds.join());
  const place = (setting: PlacedSetting, index: number, context: number, sample: Sample): void => {
    const row = rows[index];
    samples[setting.place * rows.length + index] = {
      ...settingName(setting),
      index,
      context,
      task: row.task,
      score: scoreAnswer(sample.prediction, row),
      row,
      ...sample,
    };
    counts.done++;
    report();
  };
  const key = (setting: PlacedSetting, index: number) =>
    sampleKey({ model, setting, positions, prompt: prompts[index], maxNewTokens: rows[index].max_new_tokens });
  /** The questions about each context, with the settings whose samples the store lacks. */
  function* missing(): Generator<PlacedQuestion[], void, undefined> {
    for (const [context, indices] of [...contexts.values()].entries()) {
      const questions = indices.map((index) => ({
        index,
        context,
        ...prompts[index],
        maxNewTokens: rows[index].max_new_tokens,
        settings: all.filter((setting) => {
          const name = key(setting, index);
          const sample = name === undefined ? undefined : store?.read(name);
          if (sample === undefined) return true;
          counts.found++;
          place(setting, index, context, sample);
          return false;
        }),
      })).filter((question) => question.settings.length > 0);
      if (questions.length > 0) yield questions;
    }
  }
  const outcomes = store?.ask === undefined
    ? answerHere(model, missing(), positions, signal)
    : answerElsewhere(store.ask, model, missing(), positions, signal);
  for await (const { question: { index, context }, setting, sample } of outcomes) {
    if (!(sample instanceof Error)) {
      const name = key(setting, index);
      if (name !== undefined) store?.write(name, sample);
      place(setting, index, context, sample);
      continue;
    }
    failures.push({
      at: [context, index, setting.place],
      failure: {
        ...settingName(setting),
        index,
        task: rows[index].task,
        reason: oneLine(sample.message || sample.name),
      },
    });
    counts.done++;
    report();
  }
  const evaluation = {
    samples: samples.filter((sample) => sample !== undefined),
    failures: failures.toSorted(byPlace).map(({ failure }) => failure),
  };
  return shownAs(evaluation, () => meansDisplay(evaluation));
}

function meansDisplay({ samples, failures }: Pick<Evaluation, "samples" | "failures">): DisplayBundle {
  const settings = Map.groupBy(samples, ({ policy, compression_ratio: ratio }) => `${policy} at ratio ${ratio}`);
  const count = (of: (sample: EvaluatedSample) => unknown) => grouped(new Set(samples.map(of)).size);
  return factsDisplay({
    name: "Evaluation",
    facts: [
      ["rows", `${count(({ index }) => index)} in ${count(({ context }) => context)} contexts`],
      ["tasks", [...new Set(samples.map(({ task }) => task))].join(", ")],
      ["failures", grouped(failures.length)],
      ...[...settings].map(([name, own]) =>
        [name, `mean score ${mean(own.map(({ score }) => score)).toFixed(2)}`] as const
      ),
    ],
  });
}

function oneLine(message: string): string {
  return message.replaceAll(/\s*\n\s*/g, " ").trim();
}

const EVALUATE_OPTIONS: OptionNames<EvaluateOptions> = {
  timing: true,
  positions: true,
  samples: true,
  signal: true,
  onProgress: true,
};

function checkNames(settings: readonly Setting[], options: EvaluateOptions): void {
  checkOptions("evaluate", options, EVALUATE_OPTIONS);
  const { timing = "agnostic", positions = "logical" } = options;
  checkWord("timing", timing, ["agnostic", "aware"]);
  checkWord("positions", positions, ["logical", "compact"]);
  for (const setting of settings) checkSetting(setting);
}
