import type { PositionMode } from "kvmirror/engine";
import {
  type AnswerContext,
  type ContextOutcome,
  type ContextQuestion,
  type DatasetRow,
  evaluate,
  type EvaluatedModel,
  type Evaluation,
  type QuestionTiming,
  type SampleStore,
  type Setting,
  settingName,
} from "kvmirror/eval";
import { sampleKey } from "../../lib/eval/run/sample_store.ts";
import { printNotice } from "../cli/print.ts";
import { createProgress } from "../cli/progress.ts";
import { type Broker, type NamedJob, openBroker, pause } from "./broker.ts";
import { type Job, jobId, jobKeys, jobOf, type JobOutcome, MAX_JOB } from "./job.ts";
import { addressLabel, type QueueAddress } from "./queue_address.ts";
import { queueName, workVersion } from "./work_version.ts";

/** What is evaluated by a queue's workers. */
export interface QueuedEvaluation {
  readonly model: EvaluatedModel;
  readonly rows: readonly DatasetRow[];
  readonly settings: readonly Setting[];
  readonly timing: QuestionTiming;
  readonly positions: PositionMode;
  readonly samples: SampleStore;
  readonly signal: AbortSignal;
}

/** How often new samples are asked for, and how often jobs and workers are looked after, in ms. */
const POLL_MS = 250;
const CARE_MS = 3000;

/**
 * Evaluates by the workers of a queue: jobs of a context each are added, their samples are kept as they come, and what
 * comes out is what one process would make of them. Jobs that are there, from a run before or beside, are not added again.
 *
 * @param retention seconds for which jobs and samples stay in the queue
 */
export async function evaluateByQueue(
  address: QueueAddress,
  retention: number,
  evaluation: QueuedEvaluation,
): Promise<Evaluation> {
  const { model, rows, settings, timing, positions, samples, signal } = evaluation;
  const jobs = await listJobs(evaluation);
  const large = jobs.find(({ job }) => JSON.stringify(job).length > MAX_JOB);
  if (large !== undefined) {
    throw new RangeError(
      `Cannot queue a context of ${large.job.contextIds.length} tokens as its job has over ${MAX_JOB} characters: ` +
        "evaluate it without --queue",
    );
  }
  const wanted = new Set(jobs.flatMap(({ job }) => jobKeys(job)).filter((key) => samples.read(key) === undefined));
  const failed = new Map<string, string>();
  if (wanted.size > 0) {
    await using broker = await openBroker(address, { onNotice: printNotice, retention, signal });
    const version = workVersion(model);
    const queue = queueName(version);
    const take = (outcome: JobOutcome): void => {
      if (!wanted.delete(outcome.key)) return;
      if ("sample" in outcome) samples.write(outcome.key, outcome.sample);
      else failed.set(outcome.key, outcome.error);
    };
    const setAside = await waitForSamples(broker, queue, jobs, wanted, take, {
      signal: AbortSignal.any([signal, broker.lost]),
      total: jobs.reduce((sum, { job }) => sum + jobKeys(job).length, 0),
      label: addressLabel(address),
      announce: () => broker.announce("work", queue, JSON.stringify(version)),
    });
    for (const key of setAside.keys()) failed.set(key, setAside.get(key)!);
    await broker.forget(queue, jobs.map(({ id }) => id), [...failed.keys()]);
    const { waiting, active } = await broker.counts(queue);
    if (waiting + active === 0) await broker.withdraw("work", queue);
  }
  const answer: AnswerContext = async function* <Question extends ContextQuestion>(
    _: EvaluatedModel,
    questions: readonly Question[],
  ): AsyncGenerator<ContextOutcome<Question>, void, undefined> {
    for (const question of questions) {
      for (const setting of question.settings) {
        const reason = failed.get(keyOf(evaluation, question, setting)) ?? "its sample is gone";
        yield { question, setting, sample: new Error(reason) };
      }
    }
  };
  return await evaluate(model, rows, settings, { timing, positions, samples, answer, signal });
}

/** A job for each context, with all settings of all its questions, whether their samples are there or not. */
async function listJobs(evaluation: QueuedEvaluation): Promise<NamedJob[]> {
  const { model, rows, settings, timing, positions } = evaluation;
  const jobs: NamedJob[] = [];
  // Nothing is answered here: the questions are taken down.
  // deno-lint-ignore require-yield
  const answer: AnswerContext = async function* <Question extends ContextQuestion>(
    _: EvaluatedModel,
    questions: readonly Question[],
  ): AsyncGenerator<ContextOutcome<Question>, void, undefined> {
    const job: Job = {
      positions,
      contextIds: questions[0].contextIds,
      questions: questions.map((question) => ({
        openingTokens: question.openingTokens,
        questionIds: question.questionIds,
        maxNewTokens: question.maxNewTokens,
        settings: question.settings.map((setting) => ({
          ...settingName(setting),
          key: keyOf(evaluation, question, setting),
        })),
      })),
    };
    jobs.push({ id: jobId(job), job });
  };
  await evaluate(model, rows, settings, { timing, positions, answer });
  return jobs;
}

function keyOf({ model, positions }: QueuedEvaluation, question: ContextQuestion, setting: Setting): string {
  const key = sampleKey({ model, setting, positions, prompt: question, maxNewTokens: question.maxNewTokens });
  if (key !== undefined) return key;
  throw new TypeError(`Cannot queue ${settingName(setting).policy} as no name says what it does: evaluate it here`);
}

/** Adds the jobs of samples that are wanted and waits for these; gives the reasons of those that will not come, by key. */
async function waitForSamples(
  broker: Broker,
  queue: string,
  jobs: readonly NamedJob[],
  wanted: Set<string>,
  take: (outcome: JobOutcome) => void,
  { signal, total, label, announce }: {
    readonly signal: AbortSignal;
    readonly total: number;
    readonly label: string;
    readonly announce: () => Promise<void>;
  },
): Promise<Map<string, string>> {
  const reasons = new Map<string, string>();
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
      for (const key of jobKeys(job)) if (wanted.delete(key)) reasons.set(key, reason);
    }
  };
  try {
    (await broker.outcomes(queue, [...wanted])).forEach(take);
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
      if (wanted.size > 0) await pause(POLL_MS);
    }
  } finally {
    progress.close();
  }
  return reasons;
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
