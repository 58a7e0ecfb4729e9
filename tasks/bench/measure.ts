import { readCheckpoint, type ResolvedModel } from "kvmirror/engine";
import { printNotice } from "../print.ts";
import { type BenchPlan, timesTokens } from "./bench_plan.ts";
import type { Course } from "./course.ts";
import { lookupTurn } from "./lookup_turn.ts";
import { measureDivergence } from "./measure_divergence.ts";
import { measureInTurns, type Turn } from "./measure_in_turns.ts";
import { measureLargeLoad } from "./measure_large_load.ts";
import { measureSimulate } from "./measure_simulate.ts";
import { measureStarts } from "./measure_starts.ts";
import { isOwn } from "./own_system.ts";
import { PeerUnavailable } from "./peer_unavailable.ts";
import { studyTurn } from "./study_turn.ts";
import { startSystem, type SystemProcess } from "./system_process.ts";
import { type Launch, prepareSystem } from "./systems.ts";

/** Systems that run a study; the others have no policies. */
const STUDYING = ["kvmirror", "kvmirror f32", "kvpress"];

/** Systems whose answers may have drafts. */
const DRAFTING = ["kvmirror", "kvmirror f32"];

/** What each system runs, by its name. */
export type Versions = Record<string, string>;

/**
 * Measures all that is planned, but for the profile; a peer that cannot be had is a notice.
 *
 * @param versions filled as systems start
 */
export async function measure(
  systems: readonly string[],
  model: ResolvedModel,
  plan: BenchPlan,
  course: Course,
  versions: Versions,
): Promise<void> {
  const { metrics, rounds } = plan;
  const starts = metrics.includes("load") || metrics.includes("resident");
  const launches = timesTokens(plan) || starts ? await prepareAll(systems, model, course) : [];
  if (timesTokens(plan)) await takeTurns(launches, tokenTurns(plan), rounds, course, versions);
  if (metrics.includes("kl")) await measureDivergence(model, course);
  if (starts) await measureStarts(launches, plan, course);
  if (metrics.includes("load_0.5b")) await measureLargeLoad(course);
  if (metrics.includes("study")) {
    await measureTurn(STUDYING, systems, model, studyTurn, Math.min(2, rounds), course, versions);
  }
  if (metrics.includes("lookup")) await measureTurn(DRAFTING, systems, model, lookupTurn, rounds, course, versions);
  if (metrics.includes("simulate")) {
    await measureSimulate(plan.simulated, Math.min(3, rounds), systems.every(isOwn), course);
  }
}

/** Has some of the systems take turns at one request. Of ours float32 weights come beside int4: kvpress runs them too. */
async function measureTurn(
  some: readonly string[],
  systems: readonly string[],
  model: ResolvedModel,
  turnOf: (maxPositionEmbeddings: number) => Turn,
  rounds: number,
  course: Course,
  versions: Versions,
): Promise<void> {
  const wanted = systems.includes("kvmirror") ? [...systems, "kvmirror f32"] : systems;
  const launches = await prepareAll(some.filter((system) => wanted.includes(system)), model, course);
  using checkpoint = await readCheckpoint(model.path);
  await takeTurns(launches, [turnOf(checkpoint.config.maxPositionEmbeddings)], rounds, course, versions);
}

function tokenTurns({ contexts, tokens, metrics }: BenchPlan): Turn[] {
  const evict = metrics.includes("decode_evicted");
  return contexts.map((context) => ({ context, request: { measure: "tokens", context, tokens, evict } }));
}

async function prepareAll(systems: readonly string[], model: ResolvedModel, { signal }: Course): Promise<Launch[]> {
  const launches: Launch[] = [];
  for (const system of systems) {
    const launch = await prepareSystem(system, model).catch((error) => {
      signal.throwIfAborted();
      if (!(error instanceof PeerUnavailable)) throw error;
      printNotice(`no row of ${system} as ${error.message}`);
    });
    if (launch !== undefined) launches.push(launch);
  }
  return launches;
}

/** Starts every system, has each take its turns, and ends them. */
async function takeTurns(
  launches: readonly Launch[],
  turns: readonly Turn[],
  rounds: number,
  course: Course,
  versions: Versions,
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const processes: SystemProcess[] = [];
  for (const launch of launches) {
    const process = stack.use(await startSystem(launch, course.signal));
    if (versions[process.system] === undefined) printNotice(`${process.system} ${process.facts.version}`);
    versions[process.system] = process.facts.version;
    processes.push(process);
  }
  await measureInTurns(processes, turns, rounds, course);
}
