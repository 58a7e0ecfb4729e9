import { readCheckpoint, type ResolvedModel } from "kvmirror/engine";
import { printNotice } from "../cli/print.ts";
import { measureDivergence } from "./metrics/divergence.ts";
import { measureFloor } from "./metrics/floor.ts";
import { measureLargeLoad } from "./metrics/large_load.ts";
import { lookupWorkload } from "./metrics/lookup.ts";
import { measureProfile, type TokenProfile } from "./metrics/profile.ts";
import { measureReading } from "./metrics/reading.ts";
import { noteVersion, type RunContext } from "./metrics/run_context.ts";
import { measureSimulate } from "./metrics/simulate.ts";
import { measureStarts } from "./metrics/starts.ts";
import { studyWorkload } from "./metrics/study.ts";
import { measureInTurns, type Workload } from "./metrics/workloads.ts";
import { type BenchPlan, timesTokens } from "./plan/bench_plan.ts";
import { isOwn, OWN_REFERENCE } from "./plan/bench_result.ts";
import type { BenchReport } from "./report/bench_report.ts";
import { PeerUnavailable } from "./workers/output_of.ts";
import { startSystem, type SystemProcess } from "./workers/system_process.ts";
import { isPython, type Launch, prepareSystem, PYTORCH } from "./workers/systems.ts";

/** Systems that run a study; the others have no policies. */
const STUDYING = ["kvmirror", "kvmirror f32", "kvpress"];

/** Systems whose answers may have drafts. */
const DRAFTING = ["kvmirror", "kvmirror f32"];

/**
 * Measures all that is planned, but for the profile; a peer that cannot be had is a notice.
 */
export async function measure(
  systems: readonly string[],
  model: ResolvedModel,
  plan: BenchPlan,
  run: RunContext,
): Promise<void> {
  const { metrics, rounds } = plan;
  const starts = metrics.includes("load") || metrics.includes("resident");
  const launches = timesTokens(plan) || starts || metrics.some((metric) => metric === "kl" || metric === "read")
    ? await prepareAll(systems, model, run)
    : [];
  // First, so that a run which ends early has no speeds without it.
  if (metrics.includes("kl")) {
    await measureDivergence(launches, await prepareReference(systems, model, run), model, run);
  }
  if (timesTokens(plan)) await runWorkloads(launches, tokenWorkloads(plan), rounds, run);
  if (metrics.includes("read")) await measureReading(launches, model, plan.lengths, run);
  if (starts) await measureStarts(launches, plan, run);
  if (metrics.includes("load_0.5b")) await measureLargeLoad(run);
  if (metrics.includes("study")) {
    await measureWorkload(STUDYING, systems, model, studyWorkload, Math.min(2, rounds), run);
  }
  if (metrics.includes("lookup")) {
    await measureWorkload(DRAFTING, systems, model, lookupWorkload, rounds, run);
  }
  if (metrics.includes("simulate")) {
    await measureSimulate(plan.simulated, Math.min(3, rounds), systems.every(isOwn), run);
  }
}

/** Has some of the systems take turns at one request. Of ours float32 weights come beside int8: kvpress runs them too. */
async function measureWorkload(
  some: readonly string[],
  systems: readonly string[],
  model: ResolvedModel,
  workloadOf: (maxPositionEmbeddings: number) => Workload,
  rounds: number,
  run: RunContext,
): Promise<void> {
  const wanted = systems.includes("kvmirror") ? [...systems, "kvmirror f32"] : systems;
  const launches = await prepareAll(some.filter((system) => wanted.includes(system)), model, run);
  using checkpoint = await readCheckpoint(model.path);
  await runWorkloads(launches, [workloadOf(checkpoint.config.maxPositionEmbeddings)], rounds, run);
}

/** Percents of the rows that leave before decoding is timed again. */
const EVICTED = [50, 75, 87.5];

function tokenWorkloads({ contexts, tokens, metrics }: BenchPlan): Workload[] {
  const evict = metrics.includes("decode_evicted") ? EVICTED : [];
  return contexts.map((context) => ({ context, request: { measure: "tokens", context, tokens, evict } }));
}

async function prepareAll(systems: readonly string[], model: ResolvedModel, { signal }: RunContext): Promise<Launch[]> {
  const launches: Launch[] = [];
  for (const system of systems) {
    const launch = await orNotice(prepareSystem(system, model), `no row of ${system}`, signal);
    if (launch !== undefined) launches.push(launch);
  }
  return launches;
}

/** What all systems are held against: PyTorch where peers in Python are measured, else this engine, in float32 both. */
async function prepareReference(
  systems: readonly string[],
  model: ResolvedModel,
  { signal }: RunContext,
): Promise<Launch> {
  const own = `${OWN_REFERENCE} is the reference`;
  const pytorch = systems.some(isPython) ? await orNotice(prepareSystem(PYTORCH, model), own, signal) : undefined;
  return pytorch ?? await prepareSystem(OWN_REFERENCE, model);
}

/** A launch, or a notice that there is none: a peer that cannot be had is no failure. */
async function orNotice(
  launch: Promise<Launch>,
  consequence: string,
  signal: AbortSignal,
): Promise<Launch | undefined> {
  return await launch.catch((error) => {
    signal.throwIfAborted();
    if (!(error instanceof PeerUnavailable)) throw error;
    printNotice(`${consequence} as ${error.message}`);
    return undefined;
  });
}

/** Starts every system, has each take its turns, and ends them. */
async function runWorkloads(
  launches: readonly Launch[],
  workloads: readonly Workload[],
  rounds: number,
  run: RunContext,
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const processes: SystemProcess[] = [];
  for (const launch of launches) {
    const process = stack.use(await startSystem(launch, run.signal));
    noteVersion(run, process.system, process.facts.version);
    processes.push(process);
  }
  await measureInTurns(processes, workloads, rounds, run);
}

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
