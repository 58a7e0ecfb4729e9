import { createProgress } from "../../cli/progress.ts";
import { median } from "../plan/bench_result.ts";
import type { BenchRequest } from "../workers/protocol.ts";
import type { SystemProcess } from "../workers/system_process.ts";
import type { RunContext } from "./run_context.ts";

/** A request, and the context that its rows carry. */
export interface Workload {
  readonly context: number;
  readonly request: BenchRequest;
}

/** Asks every system in every round, one at a time, so that a noisy moment falls on all. */
export async function measureInTurns(
  processes: readonly Pick<SystemProcess, "system" | "measure">[],
  workloads: readonly Workload[],
  rounds: number,
  { rows, signal }: RunContext,
): Promise<void> {
  const progress = createProgress("measured");
  let done = 0;
  for (let round = 0; round < rounds; round++) {
    for (const { context, request } of workloads) {
      // Every second round the other way about: none is always the one that follows.
      for (const process of round % 2 === 0 ? processes : processes.toReversed()) {
        signal.throwIfAborted();
        for (const { metric, unit, samples } of await process.measure(request)) {
          rows.add({ system: process.system, metric, context, unit }, median(samples));
        }
        await rows.step();
        progress.update(++done, rounds * workloads.length * processes.length);
      }
    }
  }
  progress.close();
}
