import { fileURLToPath } from "node:url";
import type { ResolvedModel } from "kvmirror/engine";
import { resolve } from "node:path";
import { holdFolder } from "../../../lib/files/held_folder.ts";
import { mean } from "../../../lib/numeric/mean.ts";
import { median } from "../../../lib/numeric/median.ts";
import { outputOf } from "../workers/output_of.ts";

/** Where the time of a token goes. */
export interface TokenProfile extends ProfileSummary {
  /** Rows that were cached before. */
  readonly context: number;
  /** Milliseconds a token without the profiler: the median of two processes, one before and one after. */
  readonly tokenMs: number;
  /** Milliseconds a token with the profiler on. */
  readonly profiledTokenMs: number;
  /** Of these, outside the runtime: feeding, reading logits, choosing the token, in JavaScript. */
  readonly outsideMs: number;
}

const WORKER = fileURLToPath(new URL("profile_worker.ts", import.meta.url));

/** Profiles tokens after a text of so many, in a process of its own. */
export async function measureProfile(
  model: ResolvedModel,
  context: number,
  tokens: number,
  signal?: AbortSignal,
): Promise<TokenProfile> {
  await using folder = await holdFolder("kvmirror-profile-");
  const decode = (...more: string[]) =>
    runWorker([resolve(model.path), String(context), String(tokens), ...more], signal);
  const before = await decode();
  const profiled = await decode(`${folder.path}/profile`);
  const after = await decode();
  const [{ name }] = [...Deno.readDirSync(folder.path)];
  const summary = profileSummary(await Deno.readTextFile(`${folder.path}/${name}`), tokens);
  // A mean, as the profile's numbers are means: they add up.
  const profiledTokenMs = mean(profiled);
  return {
    context,
    tokenMs: median([median(before), median(after)]),
    profiledTokenMs,
    outsideMs: profiledTokenMs - summary.runMs,
    ...summary,
  };
}

async function runWorker(args: readonly string[], signal?: AbortSignal): Promise<number[]> {
  signal?.throwIfAborted();
  const { success, code, stdout } = await outputOf(Deno.execPath(), {
    args: ["run", "-q", "--no-prompt", "-P=engine", "--allow-write", WORKER, ...args],
    stderr: "inherit",
    signal,
  });
  signal?.throwIfAborted();
  if (success) return JSON.parse(new TextDecoder().decode(stdout));
  throw new Error(`Cannot profile as the process ended with exit code ${code}: its message is above`);
}

/** What one operator takes of a run. */
export interface OperatorTime {
  /** ONNX's name for it: `MatMulNBits`. */
  readonly operator: string;
  /** Nodes that a run executes. */
  readonly count: number;
  /** Microseconds that all of them take in a run. */
  readonly microseconds: number;
  /** Share of all operators' time, in [0, 1]. */
  readonly share: number;
}

/** Where the time of a run goes, by onnxruntime's profiler: means over the runs. */
export interface ProfileSummary {
  readonly runs: number;
  /** Milliseconds in the runtime. */
  readonly runMs: number;
  /** Of these, in operators. */
  readonly operatorsMs: number;
  /** Of these, between operators: the executor, and most of what the profiler itself costs. */
  readonly betweenMs: number;
  /** Most time first. */
  readonly operators: readonly OperatorTime[];
}

/** An event as onnxruntime writes it, in Chrome's trace format; times in microseconds. */
interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args?: { readonly op_name?: string };
}

/**
 * Adds up the last `runs` runs of a profile: those before read the text.
 *
 * @param text what onnxruntime wrote
 * @throws {SyntaxError} if it is no profile
 * @throws {RangeError} if it holds fewer runs
 */
export function profileSummary(text: string, runs: number): ProfileSummary {
  const events = parseEvents(text);
  const all = events.filter(({ cat, name }) => cat === "Session" && name === "model_run");
  if (runs < 1 || all.length < runs) {
    throw new RangeError(
      `Cannot summarise ${runs} runs of a profile as it holds ${all.length}: give 1 to ${all.length}`,
    );
  }
  const chosen = all.toSorted((one, other) => one.ts - other.ts).slice(-runs);
  const begin = chosen[0].ts;
  const totals = new Map<string, { count: number; microseconds: number }>();
  for (const { cat, name, ts, dur, args } of events) {
    if (cat !== "Node" || !name.endsWith("_kernel_time") || ts < begin) continue;
    const operator = args?.op_name ?? "unnamed";
    // The nodes of the branch that it takes are events of their own.
    if (operator === "If") continue;
    const total = totals.get(operator) ?? { count: 0, microseconds: 0 };
    totals.set(operator, { count: total.count + 1, microseconds: total.microseconds + dur });
  }
  const sum = [...totals.values()].reduce((sum, { microseconds }) => sum + microseconds, 0);
  const runMs = chosen.reduce((sum, { dur }) => sum + dur, 0) / runs / 1000;
  return {
    runs,
    runMs,
    operatorsMs: sum / runs / 1000,
    betweenMs: runMs - sum / runs / 1000,
    operators: [...totals].map(([operator, { count, microseconds }]) => ({
      operator,
      count: count / runs,
      microseconds: microseconds / runs,
      share: sum === 0 ? 0 : microseconds / sum,
    })).sort((one, other) => other.microseconds - one.microseconds),
  };
}

function parseEvents(text: string): ProfileEvent[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (Array.isArray(value)) return value;
  throw new SyntaxError(
    "Cannot read a profile as it is no JSON array: was the session closed before its file was read?",
  );
}
