import type { Measurement, MeasureRequest, SystemFacts } from "./measurement.ts";
import { readLines } from "./read_lines.ts";

/** A system in a process of its own; it rests while others are measured. */
export interface SystemProcess extends AsyncDisposable {
  readonly system: string;
  readonly facts: SystemFacts;
  measure(request: MeasureRequest): Promise<readonly Measurement[]>;
}

/**
 * Starts a worker and waits until it is ready.
 *
 * @param script the worker, beside this file
 * @param args the model's path, for one
 */
export async function startSystem(system: string, script: string, args: readonly string[]): Promise<SystemProcess> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "-P=engine", new URL(script, import.meta.url).pathname, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
    env: { DENO_NO_UPDATE_CHECK: "1" },
  }).spawn();
  const requests = process.stdin.getWriter();
  const answers = readLines(process.stdout);
  const answer = async () => {
    const { done, value } = await answers.next();
    if (!done) return JSON.parse(value);
    const { code } = await process.status;
    throw new Error(`Cannot measure ${system} as its process ended with exit code ${code}: its message is above`);
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
      measure: async (request) => {
        await requests.write(new TextEncoder().encode(`${JSON.stringify(request)}\n`));
        return await answer();
      },
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
