import { createProgress } from "../progress.ts";
import { type BenchRequest, type BenchRow, median, rowOf } from "./measurement.ts";
import type { SystemProcess } from "./system_process.ts";

/** A request, and the context that its rows carry. */
export interface Turn {
  readonly context: number;
  readonly request: BenchRequest;
}

/** Asks every system in every round, one at a time, so that a noisy moment falls on all; rows by system. */
export async function measureInTurns(
  processes: readonly Pick<SystemProcess, "system" | "measure">[],
  turns: readonly Turn[],
  rounds: number,
): Promise<BenchRow[]> {
  const groups = new Map<string, { row: Omit<BenchRow, "value" | "low" | "high" | "rounds">; medians: number[] }>();
  const progress = createProgress("measured");
  let done = 0;
  for (let round = 0; round < rounds; round++) {
    for (const { context, request } of turns) {
      // Every second round the other way about: none is always the one that follows.
      for (const process of round % 2 === 0 ? processes : processes.toReversed()) {
        const { system } = process;
        for (const { metric, unit, samples } of await process.measure(request)) {
          const key = JSON.stringify([system, metric, context]);
          const group = groups.get(key) ?? { row: { system, metric, context, unit }, medians: [] };
          groups.set(key, group);
          group.medians.push(median(samples));
        }
        progress.update(++done, rounds * turns.length * processes.length);
      }
    }
  }
  progress.close();
  const order = processes.map(({ system }) => system);
  return [...groups.values()].map(({ row, medians }) => rowOf(row, medians))
    .sort((one, other) => order.indexOf(one.system) - order.indexOf(other.system));
}
