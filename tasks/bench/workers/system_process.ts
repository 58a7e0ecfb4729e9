import { readLines } from "../../../lib/files/lines.ts";
import { isOwn } from "../plan/bench_result.ts";
import type { BenchRequest, Measurement, SystemFacts } from "./protocol.ts";
import type { Launch } from "./systems.ts";

/** A system in a process of its own; it rests while others are measured. */
export interface SystemProcess extends AsyncDisposable {
  readonly system: string;
  readonly facts: SystemFacts;
  /** From the start of the process to its model being open, in ms. */
  readonly loadMs: number;
  measure(request: BenchRequest): Promise<readonly Measurement[]>;
}

/** A system's process that ended before it answered. */
export class ProcessEnded extends Error {
  constructor(system: string, readonly code: number) {
    super(`Cannot measure ${system} as its process ended with exit code ${code}: its message is above`);
  }
}

/** One answer of a system whose process does nothing else, or why there is none. */
export type OneAnswer =
  | { readonly version: string; readonly measured: readonly Measurement[] }
  | { readonly reason: string };

/**
 * Starts a system, asks it once and ends it. A peer's process that ends before, for want of memory say, is a reason.
 *
 * @throws {ProcessEnded} if it was one of this project's
 */
export async function askOnce(launch: Launch, request: BenchRequest, signal: AbortSignal): Promise<OneAnswer> {
  try {
    await using process = await startSystem(launch, signal);
    return { version: process.facts.version, measured: await process.measure(request) };
  } catch (error) {
    if (!(error instanceof ProcessEnded) || isOwn(launch.system)) throw error;
    return { reason: `its process ended with exit code ${error.code}` };
  }
}

/** Starts a worker and waits until it is ready; the signal ends its process. */
export async function startSystem(
  { system, command, args, env }: Launch,
  signal?: AbortSignal,
): Promise<SystemProcess> {
  signal?.throwIfAborted();
  const started = Date.now();
  const process = new Deno.Command(command, {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
    signal,
    env: { DENO_NO_UPDATE_CHECK: "1", ...env },
  }).spawn();
  const requests = process.stdin.getWriter();
  const answers = readLines(process.stdout);
  const answer = async () => {
    const { done, value } = await answers.next();
    if (!done) return JSON.parse(value);
    signal?.throwIfAborted();
    const { code } = await process.status;
    throw new ProcessEnded(system, code);
  };
  const close = async () => {
    await requests.close().catch(() => {});
    await process.status;
  };
  try {
    const facts: SystemFacts = await answer();
    return {
      system,
      facts,
      loadMs: facts.loadedAt - started,
      measure: async (request) => {
        // A process that is gone takes none: the answer that does not come says why.
        await requests.write(new TextEncoder().encode(`${JSON.stringify(request)}\n`)).catch(() => {});
        return await answer();
      },
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
