import { type Job as BullJob, Queue, UnrecoverableError, Worker } from "bullmq";
import { Redis } from "ioredis";
import { isKey, type Job, type JobOutcome, MAX_JOB, parseJob, parseOutcome } from "../../lib/eval/run/job.ts";
import { addressLabel, type QueueAddress } from "./queue_address.ts";

/** How long ms are, and how many: what a broker waits for. */
const SECOND = 1000;
/** A connection that was never there is given up after this; one that was lost, after {@linkcode LOST_PATIENCE}. */
const FIRST_PATIENCE = 2 * SECOND;
const LOST_PATIENCE = 300 * SECOND;
/** What is under way when the user interrupts has so long; where the connection is lost, there is little to hand back. */
const INTERRUPT_PATIENCE = 15 * SECOND;
const LOST_INTERRUPT_PATIENCE = 2 * SECOND;
/** The longest pause between two tries. */
const LONGEST_PAUSE = 5 * SECOND;
/** A job whose worker was silent for so long is another's. */
const LOCK_MS = 6 * SECOND;
const RENEWAL_MS = 2 * SECOND;
const STALLED_MS = 2 * SECOND;
/** What workers and coordinators announce holds for so many seconds, and is said again within. */
const ANNOUNCED_SECONDS = 15;
/** Models' processes that may end while they answer a job, one after the other, and leave no sample of it. */
const MAX_ENDED = 3;
/** Workers that may go so: mostly it is not the job that ends them, as its model runs in a process of its own. */
const MAX_BEGUN = 10;
/** Jobs or samples that go in one request. */
const BATCH = 100;

/** What Redis says of a wrong password, and when it cannot take anything for now. */
const PASSWORD = /\b(?:NOAUTH|WRONGPASS|NOPERM)\b/;
const FULL = /\b(?:OOM|MISCONF|READONLY|LOADING|BUSY|NOREPLICAS)\b/;

/** Options of {@linkcode openBroker}. */
export interface BrokerOptions {
  /** Takes what people should know, a line at a time. */
  readonly onNotice: (text: string) => void;
  /** Seconds for which samples and jobs stay. */
  readonly retention: number;
  /** The user's interrupt: what is under way has some seconds left, also where Redis does not answer. */
  readonly signal: AbortSignal;
}

/** A job that this process has taken, to be ended in one of three ways. */
export interface TakenJob {
  readonly id: string;
  readonly job: Job;
  /** Notes that it is answered from now on; false if it is set aside, as too many workers went while they did. */
  begin(): Promise<boolean>;
  /** Hands an outcome over; it stays, whatever becomes of the job. */
  send(outcome: JobOutcome): Promise<void>;
  /** Ends it: all its outcomes are there. */
  finish(): Promise<void>;
  /** Gives it back, as this worker ends; `begun` if it was answered. */
  giveBack(state: "taken" | "begun"): Promise<void>;
  /** Gives it back as the process that answered it ended; sets it aside if it was the last that may. */
  giveUp(reason: string): Promise<void>;
}

/** What is in a queue. */
export interface QueueCounts {
  readonly waiting: number;
  readonly active: number;
}

/** A connection to Redis, and what the evaluation keeps there. */
export interface Broker extends AsyncDisposable {
  /** Aborted once the connection is given up. */
  readonly lost: AbortSignal;
  /** Says what this process does or asks for; it holds for some seconds. */
  announce(kind: Announced, id: string, text: string): Promise<void>;
  withdraw(kind: Announced, id: string): Promise<void>;
  /** What others announce, by their ids. */
  announced(kind: Announced): Promise<Map<string, string>>;
  /** Adds the jobs that are not there; gives their number. */
  add(queue: string, jobs: readonly NamedJob[]): Promise<number>;
  /** Of these jobs, those that wait, are answered, or are set aside. */
  present(queue: string, ids: readonly string[]): Promise<Set<string>>;
  /** Jobs that were set aside, by their ids, with the reason. */
  setAside(queue: string): Promise<Map<string, string>>;
  /** Forgets jobs that were set aside and outcomes that are no samples, so that a later run tries anew. */
  forget(queue: string, ids: readonly string[], keys: readonly string[]): Promise<void>;
  counts(queue: string): Promise<QueueCounts>;
  /** The next job; undefined if none waits. */
  take(queue: string): Promise<TakenJob | undefined>;
  /** The outcomes that are there, of these keys. */
  outcomes(queue: string, keys: readonly string[]): Promise<JobOutcome[]>;
  /** How many outcomes the queue has had; keys of those from a place on, in their order. */
  finishedCount(queue: string): Promise<number>;
  finishedKeys(queue: string, from: number): Promise<string[]>;
}

/** A job by its id, which is that of all its settings, finished ones among them. */
export interface NamedJob {
  readonly id: string;
  readonly job: Job;
}

/** Queues that have work, by their names, and workers. */
export type Announced = "work" | "workers";

/**
 * Connects to Redis.
 *
 * @throws {Error} in one line, if it cannot be reached or refuses
 */
export async function openBroker(
  address: QueueAddress,
  { onNotice, retention, signal }: BrokerOptions,
): Promise<Broker> {
  const label = addressLabel(address);
  const lost = new AbortController();
  let isReady = false;
  let failingSince: number | undefined;
  let lastFailure = "it does not answer";
  const pauseBefore = (tries: number): number | null => {
    if (failingSince === undefined) {
      failingSince = Date.now();
      if (isReady) onNotice(`the queue ${label} is lost: trying again for ${LOST_PATIENCE / 60 / SECOND} minutes`);
    }
    const patience = isReady ? LOST_PATIENCE : FIRST_PATIENCE;
    return Date.now() - failingSince > patience ? null : Math.min(100 * 2 ** Math.min(tries, 10), LONGEST_PAUSE);
  };
  const { host, port, username, password, database: db, prefix } = address;
  const redis = new Redis({
    host,
    port,
    username,
    password,
    db,
    tls: address.isEncrypted ? { servername: host } : undefined,
    maxRetriesPerRequest: null,
    connectTimeout: LONGEST_PAUSE,
    keepAlive: 10 * SECOND,
    lazyConnect: true,
    retryStrategy: pauseBefore,
  });
  const unreachable = () => {
    const fix = /CERT|SIGNED|ISSUER|ALTNAME/.test(lastFailure)
      ? "name the file of its certificate's authority by DENO_CERT"
      : "start Redis there";
    return new Error(
      `Cannot reach the queue ${label} (${lastFailure}): ${fix}, then run the same command again: ` +
        "finished samples are kept",
    );
  };
  redis.on("error", (error: Error & { code?: string }) => {
    lastFailure = error.code ?? reasonOf(error);
    if (PASSWORD.test(error.message)) end(refusal(label, PASSWORD.exec(error.message)![0]));
  });
  redis.on("ready", () => {
    if (failingSince !== undefined && isReady) onNotice(`the queue ${label} is back`);
    failingSince = undefined;
    isReady = true;
  });
  redis.on("end", () => {
    if (!closing) lost.abort(unreachable());
  });
  let closing = false;
  const end = (reason: Error) => {
    closing = true;
    lost.abort(reason);
    redis.disconnect();
  };

  // A connection that is given up between two tries leaves what waits for it without an answer.
  const gone = new Promise<never>((_, reject) => {
    lost.signal.addEventListener("abort", () => reject(lost.signal.reason), { once: true });
  });
  gone.catch(() => {});
  /** Redis's answer; what it refuses for now is asked again, with growing pauses, to a limit. */
  const patiently = async <Result>(ask: () => Promise<Result>): Promise<Result> => {
    const since = Date.now();
    for (let tries = 0;; tries++) {
      try {
        return await Promise.race([ask(), gone]);
      } catch (error) {
        if (lost.signal.aborted) throw lost.signal.reason;
        const message = reasonOf(error);
        if (/Connection is closed|Stream isn't writeable/.test(message)) {
          await pause(LONGEST_PAUSE / 5);
          continue;
        }
        const password = PASSWORD.exec(message);
        if (password !== null) throw refusal(label, password[0]);
        if (!FULL.test(message)) throw error;
        if (Date.now() - since > LOST_PATIENCE) {
          throw new Error(
            `Cannot write to the queue ${label} as it refuses (${message}): give it memory (maxmemory) or disk, then ` +
              "run the same command again: finished samples are kept",
          );
        }
        if (tries === 0) onNotice(`the queue ${label} takes nothing for now (${message}): trying again`);
        await pause(Math.min(200 * 2 ** Math.min(tries, 10), LONGEST_PAUSE));
      }
    }
  };
  /** The answers to several requests at once; the first that is refused counts for all. */
  const together = (fill: (transaction: ReturnType<Redis["multi"]>) => void): Promise<unknown[]> =>
    patiently(async () => {
      const transaction = redis.multi();
      fill(transaction);
      const answers = await transaction.exec() ?? [];
      return answers.map(([error, answer]) => {
        if (error !== null) throw error;
        return answer;
      });
    });

  signal.addEventListener("abort", () => {
    const patience = failingSince === undefined ? INTERRUPT_PATIENCE : LOST_INTERRUPT_PATIENCE;
    Deno.unrefTimer(setTimeout(() => end(signal.reason), patience));
  }, { once: true });
  await new Promise<void>((resolve, reject) => {
    redis.once("ready", resolve);
    lost.signal.addEventListener("abort", () => reject(lost.signal.reason), { once: true });
    redis.connect().catch(() => {}); // it goes on to try: the listeners tell
  });

  const queues = new Map<string, Queue>();
  const workers = new Map<string, Worker>();
  const bull = { connection: redis, prefix: `${prefix}:jobs` };
  const queueOf = (name: string): Queue => {
    const known = queues.get(name);
    if (known !== undefined) return known;
    const queue = new Queue(name, bull);
    queue.on("error", () => {}); // the connection's own listeners tell of it, once
    queues.set(name, queue);
    return queue;
  };
  const workerOf = async (name: string): Promise<Worker> => {
    const known = workers.get(name);
    if (known !== undefined) return known;
    const worker = new Worker(name, null, {
      ...bull,
      autorun: false,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_MS,
      maxStalledCount: Number.MAX_SAFE_INTEGER, // this project counts the processes that end
    });
    worker.on("error", () => {});
    workers.set(name, worker);
    await worker.waitUntilReady();
    await worker.startStalledCheckTimer();
    return worker;
  };
  const keyOf = (...parts: string[]) => [prefix, ...parts].join(":");
  const samplesOf = (queue: string) => keyOf("samples", queue);
  const finishedOf = (queue: string) => keyOf("finished", queue);
  const endedOf = (queue: string) => keyOf("ended", queue);
  const begunOf = (queue: string) => keyOf("begun", queue);

  return {
    lost: lost.signal,
    announce: async (kind, id, text) => {
      await together((transaction) =>
        transaction.sadd(keyOf(kind), id).expire(keyOf(kind), retention)
          .set(keyOf(kind, id), text, "EX", kind === "work" ? retention : ANNOUNCED_SECONDS)
      );
    },
    withdraw: async (kind, id) => {
      await together((transaction) => transaction.srem(keyOf(kind), id).del(keyOf(kind, id)));
    },
    announced: async (kind) => {
      const ids = await patiently(() => redis.smembers(keyOf(kind)));
      if (ids.length === 0) return new Map();
      const texts = await patiently(() => redis.mget(ids.map((id) => keyOf(kind, id))));
      const gone = ids.filter((_, place) => texts[place] === null);
      if (gone.length > 0) await patiently(() => redis.srem(keyOf(kind), ...gone));
      return new Map(ids.flatMap((id, place) => texts[place] === null ? [] : [[id, texts[place]]]));
    },
    add: async (queue, jobs) => {
      const before = await patiently(() => queueOf(queue).count());
      for (let start = 0; start < jobs.length; start += BATCH) {
        await patiently(() =>
          queueOf(queue).addBulk(
            jobs.slice(start, start + BATCH).map(({ id, job }) => ({
              name: "context",
              data: JSON.stringify(job),
              opts: {
                jobId: id,
                attempts: 1,
                removeOnComplete: true,
                removeOnFail: { age: retention },
                sizeLimit: MAX_JOB,
              },
            })),
          )
        );
      }
      return await patiently(() => queueOf(queue).count()) - before;
    },
    present: async (queue, ids) => {
      const found = new Set<string>();
      for (let start = 0; start < ids.length; start += BATCH) {
        const batch = ids.slice(start, start + BATCH);
        const there = await together((transaction) =>
          batch.forEach((id) => transaction.exists(queueOf(queue).toKey(id)))
        );
        batch.forEach((id, place) => there[place] === 1 && found.add(id));
      }
      return found;
    },
    setAside: async (queue) => {
      const failed = await patiently(() => queueOf(queue).getFailed());
      return new Map(failed.flatMap(({ id, failedReason }) => id === undefined ? [] : [[id, failedReason]]));
    },
    forget: async (queue, ids, keys) => {
      for (const id of ids) {
        await patiently(async () => await (await queueOf(queue).getJob(id))?.remove()).catch(takenLeft);
      }
      if (ids.length > 0) await forgetEnds(queue, ids);
      if (keys.length > 0) await patiently(() => redis.hdel(samplesOf(queue), ...keys));
    },
    counts: async (queue) => {
      const { waiting = 0, active = 0 } = await patiently(() => queueOf(queue).getJobCounts("waiting", "active"));
      return { waiting, active };
    },
    take: async (queue) => {
      const worker = await patiently(() => workerOf(queue));
      const token = crypto.randomUUID();
      const taken: BullJob<string> | undefined = await patiently(() => worker.getNextJob(token, { block: false }));
      return taken?.id === undefined ? undefined : await begin(queue, taken, token);
    },
    outcomes: async (queue, keys) => {
      const found: JobOutcome[] = [];
      for (let start = 0; start < keys.length; start += BATCH) {
        const batch = keys.slice(start, start + BATCH);
        const texts = await patiently(() => redis.hmget(samplesOf(queue), ...batch));
        batch.forEach((key, place) => {
          const text = texts[place];
          if (text !== null) found.push(outcomeOf(key, text));
        });
      }
      return found;
    },
    finishedCount: (queue) => patiently(() => redis.llen(finishedOf(queue))),
    finishedKeys: async (queue, from) =>
      (await patiently(() => redis.lrange(finishedOf(queue), from, from + BATCH - 1))).filter(isKey),
    [Symbol.asyncDispose]: async () => {
      closing = true;
      // A worker's close waits for a connection that may be lost: what it holds ends with the process.
      for (const worker of workers.values()) {
        await Promise.race([worker.close(true).catch(() => {}), pause(SECOND)]);
      }
      for (const queue of queues.values()) await Promise.race([queue.close().catch(() => {}), pause(SECOND)]);
      redis.disconnect();
    },
  };

  async function forgetEnds(queue: string, ids: readonly string[]): Promise<void> {
    await together((transaction) => transaction.hdel(endedOf(queue), ...ids).hdel(begunOf(queue), ...ids));
  }

  async function begin(queue: string, taken: BullJob<string>, token: string): Promise<TakenJob | undefined> {
    const id = taken.id!;
    const fail = (reason: string) =>
      patiently(() => taken.moveToFailed(new UnrecoverableError(reason), token, false)).catch(ownLockLost);
    let job: Job;
    try {
      job = parseJob(taken.data);
    } catch (error) {
      await fail((error as Error).message);
      return undefined;
    }
    const renewal = setInterval(() => taken.extendLock(token, LOCK_MS).catch(() => {}), RENEWAL_MS);
    return {
      id,
      job,
      begin: async () => {
        const [begun] = await together((transaction) =>
          transaction.hincrby(begunOf(queue), id, 1).expire(begunOf(queue), retention)
        );
        if (Number(begun) <= MAX_BEGUN) return true;
        clearInterval(renewal);
        await fail(`set aside as ${MAX_BEGUN} workers went while they answered it`);
        return false;
      },
      send: async (outcome) => {
        const { key, ...rest } = outcome;
        await together((transaction) =>
          transaction.hset(samplesOf(queue), key, JSON.stringify(rest)).expire(samplesOf(queue), retention)
            .rpush(finishedOf(queue), key).expire(finishedOf(queue), retention)
            .hset(begunOf(queue), id, 1).hdel(endedOf(queue), id)
        );
      },
      finish: async () => {
        clearInterval(renewal);
        await patiently(() => taken.moveToCompleted("", token, false)).catch(ownLockLost);
        await forgetEnds(queue, [id]);
      },
      giveBack: async (state) => {
        clearInterval(renewal);
        if (state === "begun") await patiently(() => redis.hincrby(begunOf(queue), id, -1));
        await patiently(() => taken.moveToWait(token)).catch(ownLockLost);
      },
      giveUp: async (reason) => {
        clearInterval(renewal);
        const [ended] = await together((transaction) =>
          transaction.hincrby(endedOf(queue), id, 1).expire(endedOf(queue), retention).hincrby(begunOf(queue), id, -1)
        );
        if (Number(ended) >= MAX_ENDED) {
          await fail(`set aside as ${MAX_ENDED} processes ended while they answered it, the last by ${reason}`);
        } else await patiently(() => taken.moveToWait(token)).catch(ownLockLost);
      },
    };
  }
}

/** A job that stalled, or went with a Redis that was restarted, is no longer this worker's to end: its samples are there. */
function ownLockLost(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  if (!/Missing (?:lock|key)|not in the active state|Lock mismatch|could not/i.test(message)) throw error;
}

/** A job that a worker has taken is its worker's to end: with nothing to answer, it does so at once. */
function takenLeft(error: unknown): void {
  if (!/locked by another worker/.test(reasonOf(error))) throw error;
}

function outcomeOf(key: string, text: string): JobOutcome {
  try {
    return parseOutcome(key, text);
  } catch (error) {
    return { key, error: (error as Error).message };
  }
}

function refusal(label: string, word: string): Error {
  return new Error(
    `Cannot use the queue ${label} as it refuses the password (${word}): put it into --queue rediss://user:password@host ` +
      "or into KVMIRROR_QUEUE_PASSWORD",
  );
}

/** Redis's own words; of a transaction that it discarded, those of the first command that it refused. */
function reasonOf(error: unknown): string {
  const [first] = (error as { previousErrors?: readonly Error[] }).previousErrors ?? [];
  return first?.message ?? (error instanceof Error ? error.message || error.name : String(error));
}

/** Waits for so many ms. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
