import { createProgress } from "../progress.ts";
import { type BenchRow, median } from "./measurement.ts";
import type { SystemProcess } from "./system_process.ts";

/** What is measured. */
export interface BenchPlan {
  /** Tokens that are read before tokens are timed. */
  readonly contexts: readonly number[];
  /** How often every system takes its turn. */
  readonly rounds: number;
  /** Tokens that are timed, each turn. */
  readonly tokens: number;
}

/** Asks every system in every round, one at a time, so that a noisy moment falls on all; rows by system. */
export async function measureInTurns(processes: readonly SystemProcess[], plan: BenchPlan): Promise<BenchRow[]> {
  const { contexts, rounds, tokens } = plan;
  const groups = new Map<string, { row: Omit<BenchRow, "value" | "low" | "high" | "rounds">; medians: number[] }>();
  const progress = createProgress("measured");
  let done = 0;
  for (let round = 0; round < rounds; round++) {
    for (const context of contexts) {
      // Every second round the other way about: none is always the one that follows.
      for (const process of round % 2 === 0 ? processes : processes.toReversed()) {
        const { system } = process;
        for (const { metric, unit, samples } of await process.measure({ context, tokens })) {
          const key = JSON.stringify([system, metric, context]);
          const group = groups.get(key) ?? { row: { system, metric, context, unit }, medians: [] };
          groups.set(key, group);
          group.medians.push(median(samples));
        }
        progress.update(++done, rounds * contexts.length * processes.length);
      }
    }
  }
  progress.close();
  const order = processes.map(({ system }) => system);
  return [...groups.values()].map(({ row: { system, metric, context, unit }, medians }) => ({
    system,
    metric,
    context,
    value: median(medians),
    unit,
    low: Math.min(...medians),
    high: Math.max(...medians),
    rounds,
  })).sort((one, other) => order.indexOf(one.system) - order.indexOf(other.system));
}
