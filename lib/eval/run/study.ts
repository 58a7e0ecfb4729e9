import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import type { PositionMode } from "../../engine/mod.ts";
import { taskRows } from "../dataset/task_rows.ts";
import { evaluate } from "./evaluate.ts";
import type { EvaluatedModel } from "./evaluate_context.ts";
import type { FailedSample, ScoredSample } from "./sample.ts";
import type { SampleStore } from "./sample_store.ts";
import { parseSetting, type SettingName } from "./setting.ts";
import type { StudyFile } from "./study_file.ts";

/** Rows of one task, and the settings that are to answer them. */
export interface StudyStage {
  /** A task after RULER. */
  readonly task: string;
  /** Tokens that a prompt and its answer take at most. */
  readonly length: number;
  /** Rows; the first of more are the same. */
  readonly samples: number;
  /** Tokens after which an answer is cut, in place of the task's own. */
  readonly maxNewTokens?: number;
  /** Policies by name, `cut_prompt` among them if wanted, each `in` a cache dtype if wanted. */
  readonly policies: readonly string[];
  /** Fractions of rows removed, each in [0, 1). */
  readonly ratios: readonly number[];
}

/** Options of {@linkcode policyStudy} and {@linkcode growStudy}. */
export interface PolicyStudyOptions {
  /** 42 by default. */
  readonly seed?: number;
  /** `logical` by default. */
  readonly positions?: PositionMode;
  /** Where finished samples are kept, so that another run goes on; nowhere by default. */
  readonly samples?: SampleStore;
  /** Ends the study between two tokens. */
  readonly signal?: AbortSignal;
  /** Called with the samples done and their number. */
  readonly onProgress?: (done: number, total: number) => void;
}

const POLICY_STUDY_OPTIONS: OptionNames<PolicyStudyOptions> = {
  seed: true,
  positions: true,
  samples: true,
  signal: true,
  onProgress: true,
};

/** The samples of a study. */
export interface PolicyStudy {
  /** Task by task; a task goes by `task@length`. Rows and contexts are counted through all tasks. */
  readonly samples: readonly ScoredSample[];
  /** Samples whose answer failed. */
  readonly failures: readonly FailedSample[];
}

/**
 * Evaluates several tasks, each with policies and ratios of its own; the full cache always answers too. A task that comes
 * at one length goes by its name alone.
 */
export async function policyStudy(
  model: EvaluatedModel,
  stages: readonly StudyStage[],
  options: PolicyStudyOptions = {},
): Promise<PolicyStudy> {
  checkOptions("policyStudy", options, POLICY_STUDY_OPTIONS);
  let samples: readonly ScoredSample[] = [];
  const failures: FailedSample[] = [];
  const nothing = { ...origin(model, options.seed), command: "", model: model.origin.name, samples };
  for await (const grown of growStudy(model, stages, nothing, options)) {
    samples = grown.samples;
    failures.push(...grown.failures);
  }
  const lengths = Map.groupBy(stages, ({ task }) => task);
  const alone = new Map(
    stages.filter(({ task, length }) => lengths.get(task)!.every((stage) => stage.length === length))
      .map(({ task, length }) => [`${task}@${length}`, task]),
  );
  const named = <Named extends { task: string }>(own: Named): Named => ({
    ...own,
    task: alone.get(own.task) ?? own.task,
  });
  return { samples: samples.map(named), failures: failures.map(named) };
}

/** What every sample of a study shares. */
function origin(model: EvaluatedModel, seed = 42): Pick<StudyFile, "sha256" | "weights" | "seed"> {
  return { sha256: model.hash, weights: model.origin.weights, seed };
}

const FULL: SettingName = { policy: "keep_all", compression_ratio: 0 };

/**
 * Asks only what a study lacks. A setting is asked on all rows of its task where one of them is missing; known samples stay
 * as they are. Stages of one task, length and number of rows are asked together, from one prefill a row. After each task
 * all that the study has then is given, to be written down, and the failures of that task.
 *
 * @param known the study so far, its tasks by `task@length`
 * @throws {RangeError} if the study is of another checkpoint, of other weights, of another seed, or of other texts
 *
 * @example
 * ```ts ignore
 * import { loadModel } from "kvmirror/engine";
 * import { encodeStudy, growStudy, parseStudy, studyPath } from "kvmirror/eval";
 *
 * await using model = await loadModel("smollm2-135m");
 * const path = studyPath("04_policies");
 * const known = parseStudy(await Deno.readTextFile(path));
 * const stage = { task: "niah_single_2", length: 1024, samples: 50, maxNewTokens: 24, policies: ["tova"], ratios: [0.9] };
 * for await (const { samples } of growStudy(model, [stage], known)) {
 *   await Deno.writeTextFile(path, encodeStudy({ ...known, samples }));
 * }
 * ```
 */
export async function* growStudy(
  model: EvaluatedModel,
  stages: readonly StudyStage[],
  known: StudyFile,
  studied: PolicyStudyOptions = {},
): AsyncGenerator<PolicyStudy, void, undefined> {
  checkOptions("growStudy", studied, POLICY_STUDY_OPTIONS);
  const { seed = 42, onProgress, ...options } = studied;
  const ours = origin(model, seed);
  for (const name of ["sha256", "weights", "seed"] as const) {
    if (known[name] === ours[name]) continue;
    throw new RangeError(`Cannot grow the study as its ${name} must be ${known[name]}: current value is ${ours[name]}`);
  }
  const allSamples = new Map(numbered(known.samples, "in each").map((sample) => [sampleName(sample), sample]));
  const tasks = [...Map.groupBy(stages, rowsName).values()].map((own) => ({
    ...own[0],
    settings: missingSettings(own, allSamples),
  }))
    .filter(({ settings }) => settings.length > 0)
    .map(({ settings, ...task }) => {
      const evicting = settings.filter(({ policy }) => policy !== FULL.policy);
      return { ...task, evicting, size: task.samples * (1 + evicting.length) }; // the full cache answers anyway
    });
  const total = tasks.reduce((sum, { size }) => sum + size, 0);
  let before = 0;
  for (const { task, length, samples, maxNewTokens, evicting, size } of tasks) {
    const rows = taskRows(model.tokenizer, task, { length, samples, seed, maxNewTokens });
    const found = await evaluate(model, rows, evicting.map((name) => parseSetting(name)), {
      ...options,
      onProgress: (done) => onProgress?.(before + done, total),
    });
    before += size;
    for (const { prediction: _, context_tokens: __, row: ___, ...rest } of found.samples) {
      const sample: ScoredSample = { ...rest, task: `${task}@${length}` };
      const there = allSamples.get(sampleName(sample));
      if (there === undefined) allSamples.set(sampleName(sample), sample);
      else if (there.policy === FULL.policy && there.live_bytes !== sample.live_bytes) {
        throw new RangeError(`Cannot grow the study as row ${sample.index} of ${sample.task} was another text there`);
      }
    }
    const failures = found.failures.map((sample) => ({ ...sample, task: `${task}@${length}` }));
    yield { samples: numbered([...allSamples.values()], "through all"), failures };
  }
}

function rowsName({ task, length, samples, maxNewTokens }: StudyStage): string {
  return JSON.stringify([task, length, samples, maxNewTokens]);
}

function sampleName(
  { policy, compression_ratio, task, index }: SettingName & Pick<ScoredSample, "task" | "index">,
): string {
  return JSON.stringify([policy, compression_ratio, task, index]);
}

/** The settings of a task's stages, the full cache among them, that have not answered all of its rows. */
function missingSettings(
  stages: readonly StudyStage[],
  allSamples: ReadonlyMap<string, ScoredSample>,
): SettingName[] {
  const [{ task, length, samples }] = stages;
  const settings = stages.flatMap(({ policies, ratios }) =>
    policies.flatMap((policy) => ratios.map((compression_ratio) => ({ policy, compression_ratio })))
  );
  const unique = new Map([FULL, ...settings].map((setting) => [JSON.stringify(setting), setting]));
  const rows = Array.from({ length: samples }, (_, index) => ({ index, task: `${task}@${length}` }));
  return [...unique.values()].filter((setting) =>
    rows.some((row) => !allSamples.has(sampleName({ ...setting, ...row })))
  );
}

/** The same samples task by task, rows and contexts counted from 0 in each of them, or through all. */
function numbered(samples: readonly ScoredSample[], from: "in each" | "through all"): ScoredSample[] {
  let first = 0;
  return [...Map.groupBy(samples, ({ task }) => task).values()].flatMap((own) => {
    const least = Math.min(...own.map(({ index }) => index));
    const moved = own.map((sample) => ({
      ...sample,
      index: sample.index - least + first,
      context: sample.context - least + first,
    }));
    if (from === "through all") first = 1 + Math.max(...moved.map(({ index }) => index));
    return moved;
  });
}
