import { median } from "../../../lib/numeric/median.ts";
import { createProgress } from "../../cli/progress.ts";
import type { BenchRequest, Measurement } from "../workers/protocol.ts";
import type { SystemProcess } from "../workers/system_process.ts";
import type { RunContext, RunRows } from "./run_context.ts";

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
        addMeasurements(rows, process.system, context, await process.measure(request));
        await rows.step();
        progress.update(++done, rounds * workloads.length * processes.length);
      }
    }
  }
  progress.close();
}

/** Adds a system's answer: the median of each metric's samples, or why there are none. */
export function addMeasurements(
  rows: RunRows,
  system: string,
  context: number,
  measurements: readonly Measurement[],
): void {
  for (const { metric, unit, samples, reason } of measurements) {
    if (reason === undefined) rows.add({ system, metric, context, unit }, median(samples));
    else rows.miss({ system, metric, context, unit }, reason);
  }
}
