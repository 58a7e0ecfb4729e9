import { fileURLToPath } from "node:url";
import { printNotice } from "../../cli/print.ts";
import { isOwn } from "../plan/bench_result.ts";
import { outputOf, PeerUnavailable } from "../workers/output_of.ts";
import type { RunContext } from "./run_context.ts";

/** What a simulator's process prints. */
interface Simulated {
  readonly seconds: number;
  readonly peakBytes: number;
  readonly version: string;
  readonly stats: object;
}

interface Simulator {
  readonly command: string;
  readonly args: readonly string[];
}

const HERE = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const REFERENCE = HERE("../../../tests/sim/reference.py");

/** This project's simulator and the original's definitions in plain Python; the times are theirs, without the start of a process. */
const SIMULATORS: Readonly<Record<string, Simulator>> = {
  "kvmirror": {
    command: Deno.execPath(),
    args: [
      ...["run", "-q", "--no-prompt", `--allow-run=${Deno.execPath()}`, HERE("run_apart.ts")],
      ...[Deno.execPath(), "run", "-q", "--no-prompt", "-P=files", HERE("simulate_worker.ts")],
    ],
  },
  "original (Python)": { command: "python3", args: [HERE("../workers/python/simulate.py"), REFERENCE] },
};

/** Runs them in turns, each time in a new process; `context` is the number of tokens. */
export async function measureSimulate(tokens: number, rounds: number, own: boolean, run: RunContext): Promise<void> {
  const results = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    for (const [system, simulator] of Object.entries(SIMULATORS)) {
      if (own && !isOwn(system)) continue;
      try {
        const { seconds, peakBytes, stats } = await runOnce(simulator, tokens, run.signal);
        results.add(JSON.stringify(stats));
        if (results.size > 1) throw new Error(`Cannot compare simulators that disagree: ${[...results].join(" and ")}`);
        run.rows.add({ system, metric: "simulate", context: tokens, unit: "s" }, seconds);
        run.rows.add({ system, metric: "simulate_peak", context: tokens, unit: "bytes" }, peakBytes);
      } catch (error) {
        if (!(error instanceof PeerUnavailable)) throw error;
        if (round === 0) printNotice(`no row of ${system} as ${error.message}`);
      }
    }
    await run.rows.step();
  }
}

async function runOnce({ command, args }: Simulator, tokens: number, signal: AbortSignal): Promise<Simulated> {
  signal.throwIfAborted();
  const { success, code, stdout } = await outputOf(command, {
    args: [...args, String(tokens)],
    stderr: "inherit",
    signal,
  });
  signal.throwIfAborted();
  if (success) return JSON.parse(new TextDecoder().decode(stdout));
  throw new Error(`Cannot time a simulator as ${command} ended with exit code ${code}: its message is above`);
}
