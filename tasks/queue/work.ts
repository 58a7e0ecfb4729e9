import { listEmbedded, listModels, type WeightFormat } from "kvmirror/engine";
import { oneLine, printNotice } from "../cli/print.ts";
import { type Answerer, ProcessEnded, startAnswerer } from "./answerer.ts";
import { type Broker, openBroker, pause, type TakenJob } from "./broker.ts";
import type { WorkerState } from "./coordinate.ts";
import { jobKeys, jobOf } from "../../lib/eval/run/job.ts";
import { addressLabel, type QueueAddress } from "./queue_address.ts";
import { codeHash, parseWorkVersion, queueName, versionDifference, type WorkVersion } from "./work_version.ts";

/** What a worker offers. */
export interface WorkerOffer {
  /** Names and paths of models. */
  readonly models: readonly string[];
  /** Threads of a model. */
  readonly threads: number;
  /** Seconds for which samples stay in the queue. */
  readonly retention: number;
}

/** How often a worker looks for a job and for queues, and says that it is there, in ms. */
const IDLE_MS = 300;
const CARE_MS = 1000;
const HEARTBEAT_MS = 3000;
/** Processes that may be killed while they load a model before it is left to others. */
const MAX_LOADS = 3;

/** Takes jobs from a queue until the signal: then the one under way is given back. */
export async function work(address: QueueAddress, offer: WorkerOffer, signal: AbortSignal): Promise<void> {
  await using broker = await openBroker(address, { onNotice: printNotice, retention: offer.retention, signal });
  const ended = AbortSignal.any([signal, broker.lost]);
  const id = crypto.randomUUID();
  await using models = ownModels(offer, ended);
  const refuses = new Map<string, string>();
  let takes: { readonly queue: string; readonly version: WorkVersion }[] = [];
  const announce = () => {
    const state: WorkerState = { takes: takes.map(({ queue }) => queue), refuses: Object.fromEntries(refuses) };
    return broker.announce("workers", id, JSON.stringify(state));
  };
  await announce();
  const heartbeat = setInterval(() => announce().catch(() => {}), HEARTBEAT_MS);
  printNotice(`worker of ${addressLabel(address)} with ${offer.models.join(", ")}: waiting for jobs`);
  let done = 0;
  try {
    for (let careAt = 0; !ended.aborted;) {
      if (Date.now() >= careAt) {
        takes = await openQueues(broker, offer, models, refuses);
        await announce();
        careAt = Date.now() + CARE_MS;
      }
      let taken: TakenJob | undefined;
      for (const { queue, version } of takes) {
        taken = await broker.take(queue);
        if (taken === undefined) continue;
        if (await answerTaken(broker, queue, taken, version, models, ended)) done++;
        break;
      }
      if (taken === undefined) await pauseUntil(IDLE_MS, ended);
    }
  } catch (error) {
    if (!ended.aborted) throw error; // else it is the end of what was under way
  } finally {
    clearInterval(heartbeat);
    if (!broker.lost.aborted) await broker.withdraw("workers", id).catch(() => {});
  }
  if (!signal.aborted) broker.lost.throwIfAborted();
  printNotice(`worker ends after ${done} jobs`);
}

/** The queues whose jobs this worker answers; of each other, it is said once why not. */
async function openQueues(
  broker: Broker,
  { models: names }: WorkerOffer,
  models: OwnModels,
  refuses: Map<string, string>,
): Promise<{ queue: string; version: WorkVersion }[]> {
  const found: { queue: string; version: WorkVersion }[] = [];
  const work = await broker.announced("work");
  for (const queue of refuses.keys()) if (!work.has(queue)) refuses.delete(queue);
  for (const [queue, text] of work) {
    if (refuses.has(queue)) continue;
    const refusal = await whyNot(queue, text).catch((error) => {
      if (error instanceof ProcessEnded) return null;
      throw error;
    });
    if (refusal === null) continue; // its model is loaded anew at the next look
    if (refusal === undefined) found.push({ queue, version: parseWorkVersion(text) });
    else {
      refuses.set(queue, refusal);
      printNotice(oneLine(`jobs of the queue ${queue.slice(0, 12)} are left to others: ${refusal}`));
    }
  }
  return found;

  async function whyNot(queue: string, text: string): Promise<string | undefined> {
    let version: WorkVersion;
    try {
      version = parseWorkVersion(text);
    } catch (error) {
      return (error as Error).message;
    }
    if (queueName(version) !== queue) return "its name is not that of its version";
    if (version.code !== codeHash()) {
      return `its code is ${version.code.slice(0, 12)}, this one's is ${codeHash().slice(0, 12)}`;
    }
    const own = await models.versionOf(version.model, version.weights);
    if (own === undefined) return `model ${version.model} is not among this one's: ${names.join(", ")}`;
    return typeof own === "string" ? own : versionDifference(version, own);
  }
}

/** Answers a job; gives whether it was answered to its end. */
async function answerTaken(
  broker: Broker,
  queue: string,
  taken: TakenJob,
  version: WorkVersion,
  models: OwnModels,
  signal: AbortSignal,
): Promise<boolean> {
  const keys = jobKeys(taken.job);
  const there = new Set((await broker.outcomes(queue, keys)).map(({ key }) => key));
  const job = jobOf(taken.job, new Set(keys.filter((key) => !there.has(key))));
  let state: "taken" | "begun" = "taken";
  try {
    if (job !== undefined) {
      const answerer = await models.open(version.model, version.weights);
      if (queueName(answerer.version) !== queue) throw new ProcessEnded("its model is another one by now", false);
      if (!await taken.begin()) return false;
      state = "begun";
      for await (const outcome of answerer.answer(job)) await taken.send(outcome);
    }
    await taken.finish();
    return true;
  } catch (error) {
    if (signal.aborted) {
      if (!broker.lost.aborted) await taken.giveBack(state);
      return false;
    }
    if (!(error instanceof ProcessEnded)) throw error;
    await models.close();
    printNotice(`the model's process ended (${error.message}): a new one goes on`);
    // One that ended while it loaded had not seen the job.
    await (state === "begun" ? taken.giveUp(error.message) : taken.giveBack(state));
    return false;
  }
}

/** The models that a worker has, one of them open at a time. */
interface OwnModels extends AsyncDisposable {
  /** The version of a model by its name; undefined if it is not among these, a sentence if it cannot be loaded. */
  versionOf(name: string, weights: WeightFormat): Promise<WorkVersion | string | undefined>;
  /** Opens a model that `versionOf` found. */
  open(name: string, weights: WeightFormat): Promise<Answerer>;
  close(): Promise<void>;
}

function ownModels({ models, threads }: WorkerOffer, signal: AbortSignal): OwnModels {
  /** By what the worker's user named them, and weights. */
  const versions = new Map<string, WorkVersion | string>();
  /** How often a process ended while it loaded a model. */
  const loads = new Map<string, number>();
  let current: { readonly given: string; readonly weights: WeightFormat; readonly answerer: Answerer } | undefined;
  const close = async () => {
    const last = current;
    current = undefined;
    await last?.answerer[Symbol.asyncDispose]();
  };
  const start = async (given: string, weights: WeightFormat): Promise<Answerer> => {
    if (current?.given === given && current.weights === weights) return current.answerer;
    await close();
    const key = `${given}\n${weights}`;
    try {
      const answerer = await startAnswerer(given, weights, threads, signal);
      current = { given, weights, answerer };
      versions.set(key, answerer.version);
      loads.delete(key);
      return answerer;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ProcessEnded) {
        const tries = (loads.get(key) ?? 0) + 1;
        loads.set(key, tries);
        if (!error.isKilled || tries >= MAX_LOADS) {
          versions.set(key, `${given} cannot be loaded with weights ${weights} (${error.message})`);
        }
      }
      throw error;
    }
  };
  const known = async (given: string, weights: WeightFormat): Promise<WorkVersion | string> => {
    const key = `${given}\n${weights}`;
    if (!versions.has(key)) {
      await start(given, weights).catch((error) => {
        if (!versions.has(key)) throw error;
      });
    }
    return versions.get(key)!;
  };
  const names = [listEmbedded(), ...listModels()].map(({ name }) => name);
  const givenFor = async (name: string, weights: WeightFormat): Promise<string | undefined> => {
    for (const given of models) {
      if (given === name) return given;
      if (names.includes(given)) continue; // of a path, only loading tells the name
      const version = await known(given, weights);
      if (typeof version !== "string" && version.model === name) return given;
    }
    return undefined;
  };
  return {
    versionOf: async (name, weights) => {
      const given = await givenFor(name, weights);
      if (given !== undefined) return await known(given, weights);
      return models.map((path) => versions.get(`${path}\n${weights}`)).find((version) => typeof version === "string");
    },
    open: async (name, weights) => {
      const given = await givenFor(name, weights);
      if (given === undefined) throw new ProcessEnded(`model ${name} is not among this worker's`, false);
      return await start(given, weights);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Waits so many ms, or until the signal. */
async function pauseUntil(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  let resolve = () => {};
  const over = new Promise<void>((done) => resolve = done);
  signal.addEventListener("abort", resolve, { once: true });
  await Promise.race([pause(ms), over]);
  signal.removeEventListener("abort", resolve);
}
