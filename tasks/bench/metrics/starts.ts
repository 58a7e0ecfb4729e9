import { holdFolder } from "../../../lib/files/held_folder.ts";
import { createProgress } from "../../cli/progress.ts";
import type { BenchPlan } from "../plan/bench_plan.ts";
import { isOwn } from "../plan/bench_result.ts";
import type { TokensRequest, Unit } from "../workers/protocol.ts";
import { startSystem } from "../workers/system_process.ts";
import type { Launch } from "../workers/systems.ts";
import type { RunContext } from "./run_context.ts";

/** Starts take long: so many of them say enough. */
const MAX_STARTS = 3;

/**
 * What a start takes, each in a process of its own: time until the model is open (`load_warm`, and for this engine
 * `load_cold`, from a cache folder that holds nothing built), memory then (`resident_loaded`), and the most after
 * reading a text and generating (`resident_peak`). A peer's model is made before, by its builder or its publisher.
 */
export async function measureStarts(
  launches: readonly Launch[],
  plan: BenchPlan,
  { rows, signal }: RunContext,
): Promise<void> {
  const starts = Math.min(MAX_STARTS, plan.rounds);
  const progress = createProgress("started");
  for (let start = 0; start < starts; start++) {
    for (const [index, launch] of launches.entries()) {
      const add = (metric: string, context: number, unit: Unit, value: number) =>
        rows.add({ system: launch.system, metric, context, unit }, value);
      if (plan.metrics.includes("load") && isOwn(launch.system)) {
        add("load_cold", 0, "ms", await coldLoad(launch, signal));
      }
      for (const context of plan.metrics.includes("resident") ? plan.contexts : [64]) {
        await using process = await startSystem(launch, signal);
        add("load_warm", 0, "ms", process.loadMs);
        add("resident_loaded", 0, "bytes", process.facts.loadedBytes);
        if (!plan.metrics.includes("resident")) continue;
        const request: TokensRequest = { measure: "tokens", context, tokens: plan.tokens, evict: [] };
        await process.measure(request);
        const [{ metric, unit, samples }] = await process.measure({ measure: "memory" });
        add(metric, context, unit, samples[0]);
      }
      await rows.step();
      progress.update(start * launches.length + index + 1, starts * launches.length);
    }
  }
  progress.close();
}

async function coldLoad(launch: Launch, signal: AbortSignal): Promise<number> {
  await using folder = await holdFolder("kvmirror-bench-");
  await using process = await startSystem({ ...launch, env: { ...launch.env, KVMIRROR_CACHE: folder.path } }, signal);
  return process.loadMs;
}
