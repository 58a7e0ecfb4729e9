import type { SampleStore } from "kvmirror/eval";
import { type Job, jobId, jobKeys, type JobModel, jobOf, type JobOutcome, MAX_JOB } from "../../lib/eval/run/job.ts";
import { printNotice } from "../cli/print.ts";
import { createProgress } from "../cli/progress.ts";
import { type Broker, type NamedJob, openBroker, pause } from "./broker.ts";
import { addressLabel } from "./queue_address.ts";
import type { QueueFlags } from "./queue_flags.ts";
import { queueName, workVersion } from "./work_version.ts";

/** How often new samples are asked for, and how often jobs and workers are looked after, in ms. */
const POLL_MS = 250;
const CARE_MS = 3000;

/**
 * Samples that a store has, or that the workers of a queue answer and the store then keeps: jobs of a context each are
 * added, and samples are given as they come. Jobs that are there, from a run before or beside, are not added again.
 */
export function queuedSamples(queue: QueueFlags, samples: SampleStore): SampleStore {
  return {
    // All is asked for, so that a job has the same name whatever of it is finished.
    read: () => undefined,
    write: () => {},
    ask: (model, jobs, signal = new AbortController().signal) => askQueue(queue, samples, model, jobs, signal),
  };
}

async function* askQueue(
  { address, retention }: QueueFlags,
  samples: SampleStore,
  model: JobModel,
  asked: readonly Job[],
  signal: AbortSignal,
): AsyncGenerator<JobOutcome, void, undefined> {
  const jobs = asked.map((job) => ({ id: jobId(job), job }));
  const large = jobs.find(({ job }) => JSON.stringify(job).length > MAX_JOB);
  if (large !== undefined) {
    throw new RangeError(
      `Cannot queue a context of ${large.job.contextIds.length} tokens as its job has over ${MAX_JOB} characters: ` +
        "evaluate it without --queue",
    );
  }
  const wanted = new Set<string>();
  for (const key of jobs.flatMap(({ job }) => jobKeys(job))) {
    const sample = samples.read(key);
    if (sample === undefined) wanted.add(key);
    else yield { key, sample };
  }
  if (wanted.size === 0) return;
  await using broker = await openBroker(address, { onNotice: printNotice, retention, signal });
  const version = workVersion(model);
  const queue = queueName(version);
  const failed: string[] = [];
  const outcomes = waitForSamples(broker, queue, jobs, wanted, {
    signal: AbortSignal.any([signal, broker.lost]),
    total: jobs.reduce((sum, { job }) => sum + jobKeys(job).length, 0),
    label: addressLabel(address),
    announce: () => broker.announce("work", queue, JSON.stringify(version)),
  });
  for await (const outcome of outcomes) {
    if ("sample" in outcome) samples.write(outcome.key, outcome.sample);
    else failed.push(outcome.key);
    yield outcome;
  }
  await broker.forget(queue, jobs.map(({ id }) => id), failed);
  const { waiting, active } = await broker.counts(queue);
  if (waiting + active === 0) await broker.withdraw("work", queue);
}

/** Adds the jobs of samples that are wanted and gives these as they come, and the reasons of those that will not. */
async function* waitForSamples(
  broker: Broker,
  queue: string,
  jobs: readonly NamedJob[],
  wanted: Set<string>,
  { signal, total, label, announce }: {
    readonly signal: AbortSignal;
    readonly total: number;
    readonly label: string;
    readonly announce: () => Promise<void>;
  },
): AsyncGenerator<JobOutcome, void, undefined> {
  const ready: JobOutcome[] = [];
  const take = (outcome: JobOutcome) => {
    if (wanted.delete(outcome.key)) ready.push(outcome);
  };
  const progress = createProgress("samples");
  const found = total - wanted.size;
  let workers = 0;
  let said = "";
  let careAt = 0;
  let cursor = await broker.finishedCount(queue);
  const show = () => {
    const done = total - wanted.size;
    progress.update(done, total, found, `${workers} workers`);
  };
  const drain = async () => {
    for (let keys = await broker.finishedKeys(queue, cursor); keys.length > 0;) {
      cursor += keys.length;
      (await broker.outcomes(queue, keys.filter((key) => wanted.has(key)))).forEach(take);
      show();
      keys = await broker.finishedKeys(queue, cursor);
    }
  };
  /** Adds jobs that are missing: at first all; later those that went with a Redis that was restarted. */
  const addMissing = async () => {
    const open = jobs.filter(({ job }) => jobKeys(job).some((key) => wanted.has(key)));
    const present = await broker.present(queue, open.map(({ id }) => id));
    const gone = open.filter(({ id }) => !present.has(id));
    if (gone.length === 0) return;
    // What a job that has ended left is there before the job goes.
    const keys = gone.flatMap(({ job }) => jobKeys(job).filter((key) => wanted.has(key)));
    (await broker.outcomes(queue, keys)).forEach(take);
    const left = gone.flatMap(({ id, job }) => {
      const rest = jobOf(job, wanted);
      return rest === undefined ? [] : [{ id, job: rest }];
    });
    if (left.length > 0) await broker.add(queue, left);
  };
  const collectSetAside = async () => {
    const setAside = await broker.setAside(queue);
    for (const { id, job } of jobs) {
      const reason = setAside.get(id);
      if (reason === undefined) continue;
      for (const key of jobKeys(job)) take({ key, error: reason });
    }
  };
  try {
    (await broker.outcomes(queue, [...wanted])).forEach(take);
    yield* ready.splice(0);
    while (wanted.size > 0) {
      signal.throwIfAborted();
      if (Date.now() >= careAt) {
        if (await broker.finishedCount(queue) < cursor) cursor = 0;
        await announce();
        await addMissing();
        await drain();
        await collectSetAside();
        const here = await workersOf(broker, queue);
        workers = here.able;
        if (here.reason !== said && here.reason !== "") printNotice(`${here.reason} (${label})`);
        said = here.reason;
        careAt = Date.now() + CARE_MS;
      } else await drain();
      show();
      yield* ready.splice(0);
      if (wanted.size > 0) await pause(POLL_MS);
    }
  } finally {
    progress.close();
  }
}

/** How many workers take a queue's jobs; where none does, why, in a sentence. */
async function workersOf(broker: Broker, queue: string): Promise<{ readonly able: number; readonly reason: string }> {
  const states = [...(await broker.announced("workers")).values()].map(parseWorkerState);
  const able = states.filter(({ takes }) => takes.includes(queue)).length;
  if (able > 0) return { able, reason: "" };
  if (states.length === 0) return { able, reason: "no worker is there yet: start one with deno task worker" };
  const reasons = states.flatMap(({ refuses }) => refuses[queue] === undefined ? [] : [refuses[queue]]);
  if (reasons.length < states.length) return { able, reason: "" }; // some have not looked at it yet
  return { able, reason: `no worker takes these jobs: of ${states.length}, ${[...new Set(reasons)].join("; ")}` };
}

/** What a worker announces: the queues it takes jobs from, and why it takes none from others. */
export interface WorkerState {
  readonly takes: readonly string[];
  readonly refuses: Readonly<Record<string, string>>;
}

function parseWorkerState(text: string): WorkerState {
  try {
    const { takes, refuses } = JSON.parse(text);
    if (Array.isArray(takes) && typeof refuses === "object" && refuses !== null) {
      const texts = Object.entries(refuses).filter((entry): entry is [string, string] => typeof entry[1] === "string");
      return { takes, refuses: Object.fromEntries(texts.map(([queue, reason]) => [queue, reason.slice(0, 200)])) };
    }
  } catch {
    // A worker that says nothing readable takes nothing.
  }
  return { takes: [], refuses: {} };
}
