import { type CacheDtype, isFloat32, parseCacheDtype, type PositionMode, type WeightFormat } from "kvmirror/engine";
import { checkTaskName, CUT_PROMPT, FLOORS, parseSetting, type Setting, settingName, splitNames } from "kvmirror/eval";
import { type Flags, usage } from "../cli/flags.ts";
import { checkedWeights } from "../cli/model_flags.ts";
import type { OwnPolicies } from "../cli/policy_file.ts";
import { positionsFromFlags } from "../cli/policy_flags.ts";
import { UsageError } from "../cli/usage_error.ts";
import { type QueueFlags, queueFromFlags } from "../queue/queue_flags.ts";
import { type Shard, shardFromFlags } from "./jobs.ts";

/** Rows as they are to be written. */
export interface GeneratedTasks {
  readonly tasks: readonly string[];
  /** Tokens that a prompt and its answer take at most; of several, each is a task of its own. */
  readonly lengths: readonly number[];
  readonly samples: number;
  readonly seed: number;
}

/** What the command line asks for, checked before a model is loaded. */
export interface EvaluationRequest {
  /** A dataset's path, or the tasks to write rows of. */
  readonly source: string | GeneratedTasks;
  /** The policies that were named and the controls, at every ratio. */
  readonly settings: readonly Setting[];
  readonly timing: "agnostic" | "aware";
  readonly positions: PositionMode;
  /** How the model's weights are held, one evaluation for each. */
  readonly weights: readonly WeightFormat[];
  /** Processes that share the contexts out. */
  readonly jobs: number;
  /** The only contexts to evaluate, for another run to report on. */
  readonly shard?: Shard;
  /** The queue whose workers answer, in place of this process. */
  readonly queue?: QueueFlags;
  /** In place of the rows' own. */
  readonly maxNewTokens?: number;
  /** Windows of long text to judge beside the rows; none by default. */
  readonly perplexityWindows: number;
}

/** Beside the floors: the oracle, which a policy rarely beats, and the cut prompt, which has no cache to compress. */
const CONTROLS = ["oracle", CUT_PROMPT] as const;

/** Reads the flags of `evaluate`. */
export function requestFromFlags(flags: Flags, own: OwnPolicies): EvaluationRequest {
  for (const name of ["samples", "max-new-tokens", "perplexity", "jobs"]) {
    const value = flags.number(name);
    if (value !== undefined && value < 1) {
      throw new UsageError(`Cannot use --${name} ${value} as it must be at least 1`);
    }
  }
  return {
    source: sourceFromFlags(flags),
    settings: settingsFromFlags(flags, own),
    timing: flags.toggle("query-aware") ? "aware" : "agnostic",
    positions: positionsFromFlags(flags),
    weights: weightsFromFlags(flags),
    jobs: flags.number("jobs")!,
    shard: shardFromFlags(flags),
    queue: queueFromFlags(flags),
    maxNewTokens: flags.number("max-new-tokens"),
    perplexityWindows: flags.number("perplexity") ?? 0,
  };
}

function sourceFromFlags(flags: Flags): string | GeneratedTasks {
  const dataset = flags.text("dataset");
  const list = flags.text("task");
  if ((dataset === undefined) === (list === undefined)) {
    throw new UsageError("Cannot evaluate without rows: give --dataset rows.jsonl, or --task niah_single_2");
  }
  if (dataset !== undefined) {
    const given = ["length", "samples", "seed"].find((name) => flags.given(name));
    if (given !== undefined) {
      throw new UsageError(`Cannot use --${given} with --dataset as its rows are what they are: it goes with --task`);
    }
    return dataset;
  }
  const tasks = usage(() => splitNames(list!));
  for (const task of tasks) usage(() => checkTaskName(task));
  return {
    tasks,
    lengths: lengthsFromFlags(flags),
    samples: flags.number("samples")!,
    seed: flags.number("seed")!,
  };
}

function weightsFromFlags(flags: Flags): WeightFormat[] {
  return [...new Set(flags.text("weights")!.split(",").map((name) => checkedWeights(name.trim())))];
}

function lengthsFromFlags(flags: Flags): number[] {
  const lengths = (flags.text("length")!).split(",").map((text) => {
    const length = Number(text);
    if (text.trim() !== "" && Number.isSafeInteger(length) && length >= 1) return length;
    throw new UsageError(`Cannot use --length ${text.trim()} as it must be a whole number of at least 1`);
  });
  return [...new Set(lengths)].sort((one, other) => one - other);
}

function settingsFromFlags(flags: Flags, own: OwnPolicies): Setting[] {
  const list = flags.text("policy");
  if (list === undefined) {
    throw new UsageError("Cannot evaluate without policies: give --policy, such as hybrid,random");
  }
  const names = [...new Set([...usage(() => splitNames(list)), ...FLOORS, ...CONTROLS])];
  const methods = names.map((name) => usage(() => parseSetting({ policy: name, compression_ratio: 0 }, own)));
  const cacheDtypes = (flags.text("cache-dtype")!).split(",").map((name) => usage(() => parseCacheDtype(name.trim())));
  const ratios = (flags.text("compression-ratio")!).split(",").map((text) => {
    const ratio = Number(text);
    if (text.trim() !== "" && ratio >= 0 && ratio < 1) return ratio;
    throw new UsageError(`Cannot compress to ratio ${text.trim() || "of no text"} as it must be in [0, 1)`);
  });
  const distinct = [...new Set(ratios)].sort((one, other) => one - other);
  const settings = methods.flatMap(({ policy, cacheDtype }) =>
    cacheDtypes.flatMap((dtype) =>
      // Of ratios that a policy does not follow, one is enough.
      (policy !== CUT_PROMPT && policy.size === "own" ? [0] : distinct).map((compressionRatio) => ({
        policy,
        compressionRatio,
        cacheDtype: cacheDtype ?? quantizedDtype(dtype),
      }))
    )
  );
  return [...new Map(settings.map((setting) => [JSON.stringify(settingName(setting)), setting])).values()]
    .filter(({ policy, compressionRatio, cacheDtype }) =>
      !(isKeepAll(policy) && compressionRatio === 0 && cacheDtype === undefined)
    );
}

function quantizedDtype(cacheDtype: CacheDtype): CacheDtype | undefined {
  return isFloat32(cacheDtype) ? undefined : cacheDtype;
}

/** The full cache is always there, first. */
function isKeepAll(chosen: Setting["policy"]): boolean {
  return chosen !== CUT_PROMPT && chosen.name === "keep_all";
}
