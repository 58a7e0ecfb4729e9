import { createProgress } from "../progress.ts";
import type { BenchPlan } from "./bench_plan.ts";
import { type BenchRow, rowOf, type TokensRequest } from "./measurement.ts";
import { startSystem } from "./system_process.ts";
import { isOwn } from "./own_system.ts";
import type { Launch } from "./systems.ts";

/** Starts take long: so many of them say enough. */
const MAX_STARTS = 3;

/**
 * What a start takes, each in a process of its own: time until the model is open (`load_warm`, and for this engine
 * `load_cold`, from a cache folder that holds nothing built), memory then (`resident_loaded`), and the most after
 * reading a text and generating (`resident_peak`). A peer's model is made before, by its builder or its publisher.
 */
export async function measureStarts(launches: readonly Launch[], plan: BenchPlan): Promise<BenchRow[]> {
  const starts = Math.min(MAX_STARTS, plan.rounds);
  const values = new Map<string, { place: Parameters<typeof rowOf>[0]; values: number[] }>();
  const note = (system: string, metric: string, context: number, unit: string, value: number) => {
    const key = JSON.stringify([system, metric, context]);
    const group = values.get(key) ?? { place: { system, metric, context, unit }, values: [] };
    values.set(key, group);
    group.values.push(value);
  };
  const progress = createProgress("started");
  for (let start = 0; start < starts; start++) {
    for (const [index, launch] of launches.entries()) {
      const { system } = launch;
      if (plan.metrics.includes("load") && isOwn(system)) note(system, "load_cold", 0, "ms", await coldLoad(launch));
      for (const context of plan.metrics.includes("resident") ? plan.contexts : [64]) {
        await using process = await startSystem(launch);
        note(system, "load_warm", 0, "ms", process.loadMs);
        note(system, "resident_loaded", 0, "bytes", process.facts.loadedBytes);
        if (!plan.metrics.includes("resident")) continue;
        const request: TokensRequest = { measure: "tokens", context, tokens: plan.tokens, evict: false };
        await process.measure(request);
        const [{ metric, unit, samples }] = await process.measure({ measure: "memory" });
        note(system, metric, context, unit, samples[0]);
      }
      progress.update(start * launches.length + index + 1, starts * launches.length);
    }
  }
  progress.close();
  const order = launches.map(({ system }) => system);
  return [...values.values()].map(({ place, values }) => rowOf(place, values))
    .sort((one, other) => order.indexOf(one.system) - order.indexOf(other.system));
}

async function coldLoad(launch: Launch): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "kvmirror-bench-" });
  try {
    await using process = await startSystem({ ...launch, env: { ...launch.env, KVMIRROR_CACHE: folder } });
    return process.loadMs;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
