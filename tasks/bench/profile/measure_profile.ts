import { resolve } from "node:path";
import type { ResolvedModel } from "kvmirror/engine";
import { median } from "../measurement.ts";
import { outputOf } from "../output_of.ts";
import { type ProfileSummary, profileSummary } from "./profile_summary.ts";

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

const WORKER = new URL("worker.ts", import.meta.url).pathname;

/** Profiles tokens after a text of so many, in a process of its own. */
export async function measureProfile(
  model: ResolvedModel,
  context: number,
  tokens: number,
  signal?: AbortSignal,
): Promise<TokenProfile> {
  const folder = await Deno.makeTempDir({ prefix: "kvmirror-profile-" });
  try {
    const decode = (...more: string[]) =>
      runWorker([resolve(model.path), String(context), String(tokens), ...more], signal);
    const before = await decode();
    const profiled = await decode(`${folder}/profile`);
    const after = await decode();
    const [{ name }] = [...Deno.readDirSync(folder)];
    const summary = profileSummary(await Deno.readTextFile(`${folder}/${name}`), tokens);
    // A mean, as the profile's numbers are means: they add up.
    const profiledTokenMs = profiled.reduce((sum, ms) => sum + ms, 0) / profiled.length;
    return {
      context,
      tokenMs: median([median(before), median(after)]),
      profiledTokenMs,
      outsideMs: profiledTokenMs - summary.runMs,
      ...summary,
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function runWorker(args: readonly string[], signal?: AbortSignal): Promise<number[]> {
  signal?.throwIfAborted();
  const { success, code, stdout } = await outputOf(Deno.execPath(), {
    args: ["run", "-q", "--no-prompt", "-P=engine", WORKER, ...args],
    stderr: "inherit",
    signal,
  });
  signal?.throwIfAborted();
  if (success) return JSON.parse(new TextDecoder().decode(stdout));
  throw new Error(`Cannot profile as the process ended with exit code ${code}: its message is above`);
}
