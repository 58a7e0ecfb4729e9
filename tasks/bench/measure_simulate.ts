import { type BenchRow, rowOf } from "./measurement.ts";
import { outputOf } from "./output_of.ts";
import { PeerUnavailable } from "./peer_unavailable.ts";

/** What a simulator's process prints. */
interface Simulated {
  readonly seconds: number;
  readonly peakBytes: number;
  readonly version: string;
  readonly stats: object;
}

const HERE = (path: string) => new URL(path, import.meta.url).pathname;
const REFERENCE = HERE("../../tests/sim/reference.py");

/** This simulator and the original's definitions in plain Python; the times are theirs, without the start of a process. */
const SIMULATORS = {
  "kvmirror": {
    command: Deno.execPath(),
    args: ["run", "-q", "--no-prompt", "-P=files", HERE("simulate_worker.ts")],
  },
  "original (Python)": { command: "python3", args: [HERE("python/simulate.py"), REFERENCE] },
} as const;

/** Runs both in turns, each time in a new process; `context` is the number of tokens. */
export async function measureSimulate(
  tokens: number,
  rounds: number,
  notice: (text: string) => void,
): Promise<BenchRow[]> {
  const runs = new Map<string, Simulated[]>();
  for (let round = 0; round < rounds; round++) {
    for (const [system, { command, args }] of Object.entries(SIMULATORS)) {
      try {
        runs.set(system, [...runs.get(system) ?? [], await runOnce(command, [...args, String(tokens)])]);
      } catch (error) {
        if (!(error instanceof PeerUnavailable)) throw error;
        if (round === 0) notice(`no row of ${system} as ${error.message}`);
      }
    }
  }
  const results = new Set([...runs.values()].flat().map(({ stats }) => JSON.stringify(stats)));
  if (results.size > 1) throw new Error(`Cannot compare simulators that disagree: ${[...results].join(" and ")}`);
  return [...runs].flatMap(([system, of]) => {
    const row = (metric: string, unit: string, values: number[]) =>
      rowOf({ system, metric, context: tokens, unit }, values);
    return [
      row("simulate", "s", of.map(({ seconds }) => seconds)),
      row("simulate_peak", "bytes", of.map(({ peakBytes }) => peakBytes)),
    ];
  });
}

async function runOnce(command: string, args: readonly string[]): Promise<Simulated> {
  const { success, code, stdout } = await outputOf(command, { args: [...args], stderr: "inherit" });
  if (success) return JSON.parse(new TextDecoder().decode(stdout));
  throw new Error(`Cannot time a simulator as ${command} ended with exit code ${code}: its message is above`);
}
