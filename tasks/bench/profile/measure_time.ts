import type { ResolvedModel } from "kvmirror/engine";
import type { BenchPlan } from "../bench_plan.ts";
import type { BenchReport } from "../bench_report.ts";
import { measureFloor } from "./measure_floor.ts";
import { measureProfile, type TokenProfile } from "./measure_profile.ts";

/** Where the time of a token goes, and the least that it can take. */
export async function measureTime(
  model: ResolvedModel,
  { contexts, tokens }: BenchPlan,
  signal: AbortSignal,
): Promise<Pick<BenchReport, "profiles" | "floor">> {
  const floor = await measureFloor(model, signal);
  const profiles: TokenProfile[] = [];
  for (const context of contexts) profiles.push(await measureProfile(model, context, tokens, signal));
  return { floor, profiles };
}
