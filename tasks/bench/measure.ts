import { readCheckpoint, type ResolvedModel } from "kvmirror/engine";
import { printNotice } from "../print.ts";
import { type BenchPlan, isWanted, timesTokens } from "./bench_plan.ts";
import type { BenchRow } from "./measurement.ts";
import { measureInTurns, type Turn } from "./measure_in_turns.ts";
import { measureSimulate } from "./measure_simulate.ts";
import { measureStarts } from "./measure_starts.ts";
import { PeerUnavailable } from "./peer_unavailable.ts";
import { STUDY_TOKENS, studyRequest } from "./study_request.ts";
import { startSystem, type SystemProcess } from "./system_process.ts";
import { type Launch, prepareSystem } from "./systems.ts";

/** What was measured. */
export interface Measured {
  readonly rows: readonly BenchRow[];
  /** What each system runs, by its name. */
  readonly systems: Readonly<Record<string, string>>;
}

/** Systems that run a study; the others have no policies. */
const STUDYING = ["kvmirror", "kvmirror f32", "kvpress"];

/** Measures all that is planned, but for the profile; a peer that cannot be had is a notice. */
export async function measure(systems: readonly string[], model: ResolvedModel, plan: BenchPlan): Promise<Measured> {
  const versions: Record<string, string> = {};
  const launches = timesTokens(plan) || plan.metrics.includes("load") || plan.metrics.includes("resident")
    ? await prepareAll(systems, model)
    : [];
  const rows: BenchRow[] = [];
  if (timesTokens(plan)) rows.push(...await takeTurns(launches, tokenTurns(plan), plan.rounds, versions));
  if (plan.metrics.includes("load") || plan.metrics.includes("resident")) {
    rows.push(...await measureStarts(launches, plan));
  }
  if (plan.metrics.includes("study")) rows.push(...await measureStudy(systems, model, plan, versions));
  if (plan.metrics.includes("simulate")) {
    rows.push(...await measureSimulate(plan.simulated, Math.min(3, plan.rounds), printNotice));
  }
  return { rows: rows.filter(({ metric }) => isWanted(metric, plan)), systems: versions };
}

/** float32 weights are what kvpress runs, so they are measured beside int4. */
async function measureStudy(
  systems: readonly string[],
  model: ResolvedModel,
  { rounds }: BenchPlan,
  versions: Record<string, string>,
): Promise<BenchRow[]> {
  const wanted = systems.includes("kvmirror") ? [...systems, "kvmirror f32"] : systems;
  const launches = await prepareAll(STUDYING.filter((system) => wanted.includes(system)), model);
  using checkpoint = await readCheckpoint(model.path);
  const request = studyRequest(checkpoint.config.maxPositionEmbeddings);
  return await takeTurns(launches, [{ context: STUDY_TOKENS, request }], Math.min(2, rounds), versions);
}

function tokenTurns({ contexts, tokens, metrics }: BenchPlan): Turn[] {
  const evict = metrics.includes("decode_evicted");
  return contexts.map((context) => ({ context, request: { measure: "tokens", context, tokens, evict } }));
}

async function prepareAll(systems: readonly string[], model: ResolvedModel): Promise<Launch[]> {
  const launches: Launch[] = [];
  for (const system of systems) {
    const launch = await prepareSystem(system, model).catch((error) => {
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
  versions: Record<string, string>,
): Promise<BenchRow[]> {
  await using stack = new AsyncDisposableStack();
  const processes: SystemProcess[] = [];
  for (const launch of launches) {
    const process = stack.use(await startSystem(launch));
    if (versions[process.system] === undefined) printNotice(`${process.system} ${process.facts.version}`);
    versions[process.system] = process.facts.version;
    processes.push(process);
  }
  return await measureInTurns(processes, turns, rounds);
}
