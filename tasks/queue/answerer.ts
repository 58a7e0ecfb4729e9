import type { WeightFormat } from "kvmirror/engine";
import { readLines } from "../../lib/files/lines.ts";
import { cacheFolderPermission } from "../cli/cache_folder_permission.ts";
import { type Job, JOB_DONE, type JobOutcome, parseOutcomeLine } from "../../lib/eval/run/job.ts";
import { parseWorkVersion, type WorkVersion } from "./work_version.ts";

/** A model in a process of its own, which may end without the worker. */
export interface Answerer extends AsyncDisposable {
  readonly version: WorkVersion;
  /**
   * The outcomes of a job as they are finished.
   *
   * @throws {ProcessEnded} if the process ends before the last
   */
  answer(job: Job): AsyncGenerator<JobOutcome, void, undefined>;
}

/** The model's process has ended; what it says is how. */
export class ProcessEnded extends Error {
  /** @param isKilled whether a signal ended it, and not an error that it told of */
  constructor(how: string, readonly isKilled: boolean) {
    super(how);
  }
}

/**
 * Loads a model in a process of its own.
 *
 * @throws {ProcessEnded} if it cannot be loaded: its process has said why
 */
export async function startAnswerer(
  model: string,
  weights: WeightFormat,
  threads: number,
  signal: AbortSignal,
): Promise<Answerer> {
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-q",
      "--no-prompt",
      "-P=engine",
      `--allow-write=${cacheFolderPermission()}`,
      new URL("answer_process.ts", import.meta.url).href,
      model,
      weights,
      String(threads),
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const stop = () => {
    try {
      process.kill("SIGKILL"); // a file that it was writing is written atomically
    } catch {
      // It has ended by itself.
    }
  };
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const requests = process.stdin.getWriter();
  const lines = readLines(process.stdout);
  const next = async (): Promise<string> => {
    const { done, value } = await lines.next();
    if (!done) return value;
    const { code, signal: by } = await process.status;
    throw new ProcessEnded(by ?? `exit ${code}`, by !== null);
  };
  const close = async () => {
    signal.removeEventListener("abort", stop);
    stop();
    await requests.close().catch(() => {});
    await process.status;
  };
  try {
    const version = parseWorkVersion(await next());
    return { version, answer, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }

  async function* answer(job: Job): AsyncGenerator<JobOutcome, void, undefined> {
    await requests.write(new TextEncoder().encode(`${JSON.stringify(job)}\n`)).catch(() => {});
    for (let line = await next(); line !== JOB_DONE; line = await next()) {
      const outcome = parseOutcomeLine(line);
      if (outcome !== undefined) yield outcome;
    }
  }
}
