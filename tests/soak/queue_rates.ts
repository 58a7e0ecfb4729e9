/**
 * Measures what jobs and samples cost a redis-server of its own and its clients: processor time, commands and bytes.
 *
 * ```sh
 * deno run -P=test --allow-ffi tests/soak/queue_rates.ts
 * ```
 */
import { cpuUsage } from "node:process";
import { Redis } from "ioredis";
import { loadModel } from "kvmirror/engine";
import type { Sample } from "kvmirror/eval";
import { type Job, jobId, jobKeys } from "../../lib/eval/run/job.ts";
import { textHash } from "../../lib/files/hash.ts";
import { openBroker } from "../../tasks/queue/broker.ts";
import { parseQueueAddress } from "../../tasks/queue/queue_address.ts";
import { queueName, workVersion } from "../../tasks/queue/work_version.ts";
import { startTask, wait } from "../fixtures/queue_processes.ts";
import { startRedis } from "../fixtures/redis_server.ts";
import { withFolder } from "../fixtures/with_folder.ts";

const JOBS = 200;
const SETTINGS = 32;
const TOKENS = 4096;
const SAMPLE: Sample = {
  prediction: "The special magic number for long-context is 8231749. The grass".slice(0, 60),
  answer_tokens: 24,
  context_tokens: TOKENS,
  live_bytes: 94_371_840,
  kl: Array.from({ length: 24 }, (_, token) => Number((0.0123456 * (token + 1)).toPrecision(6))),
  agreement: Array.from({ length: 24 }, () => 1),
};
const DAY = 24 * 3600;
const WATCHED_SECONDS = 20;

await withFolder(async (_, folder) => {
  await using server = await startRedis();
  const url = `redis://127.0.0.1:${server.port}`;
  const redis = new Redis(server.port);
  const info = async () => {
    const text = await redis.info();
    const value = (name: string) => Number(new RegExp(`^${name}:([\\d.]+)`, "m").exec(text)![1]);
    return {
      cpu: (value("used_cpu_user") + value("used_cpu_sys")) * 1e6,
      commands: value("total_commands_processed"),
      input: value("total_net_input_bytes"),
      output: value("total_net_output_bytes"),
      memory: value("used_memory"),
    };
  };
  const rows: Record<string, string | number>[] = [];
  const measure = async <Result>(what: string, count: number, body: () => Promise<Result>): Promise<Result> => {
    const [before, started, own] = [await info(), performance.now(), cpuUsage()];
    const result = await body();
    const [ms, used, after] = [performance.now() - started, cpuUsage(own), await info()];
    const each = (value: number, digits = 1) => Number((value / count).toFixed(digits));
    rows.push({
      what,
      count,
      "ms each": each(ms, 2),
      "client's µs": each(used.user + used.system, 0),
      "Redis's µs": each(after.cpu - before.cpu, 0),
      // That of the question itself is not among them.
      commands: each(after.commands - before.commands - 1),
      "bytes in": each(after.input - before.input, 0),
      "bytes out": each(after.output - before.output, 0),
    });
    return result;
  };
  await measure("Redis by itself, a second", WATCHED_SECONDS, () => wait(WATCHED_SECONDS * 1000));
  const signal = new AbortController().signal;
  const notices: string[] = [];
  await using model = await loadModel("tiny");
  const version = workVersion(model);
  const queue = queueName(version);
  {
    await using broker = await openBroker(parseQueueAddress(url, "kvmirror"), {
      onNotice: (text) => notices.push(text),
      retention: DAY,
      signal,
    });
    const jobs = Array.from({ length: JOBS }, (_, context) => {
      const job: Job = {
        positions: "logical",
        contextIds: Array.from({ length: TOKENS }, (_, token) => (token * 7919 + context * 104_729) % 49_152),
        questions: [{
          openingTokens: 3,
          questionIds: Array.from({ length: 24 }, (_, token) => token + 100),
          maxNewTokens: 24,
          settings: Array.from({ length: SETTINGS }, (_, setting) => ({
            policy: "globalkv(attention_probe)",
            compression_ratio: setting / SETTINGS,
            key: textHash(`${context} ${setting}`),
          })),
        }],
      };
      return { id: jobId(job), job };
    });
    console.log(
      `a job has ${JSON.stringify(jobs[0].job).length} characters, a sample ${JSON.stringify(SAMPLE).length}`,
    );
    const before = await info();
    await measure("add a job", JOBS, () => broker.add(queue, jobs));
    const taken = await measure("take a job", JOBS, async () => {
      const all = [];
      for (let count = 0; count < JOBS; count++) all.push((await broker.take(queue))!);
      return all;
    });
    await measure("hand a sample over", JOBS * SETTINGS, async () => {
      for (const { job, send } of taken) for (const key of jobKeys(job)) await send({ key, sample: SAMPLE });
    });
    await measure("end a job", JOBS, async () => {
      for (const { finish } of taken) await finish();
    });
    await measure("look for a job where there is none", JOBS, async () => {
      for (let count = 0; count < JOBS; count++) await broker.take(queue);
    });
    await measure("read a sample, as the coordinator", JOBS * SETTINGS, async () => {
      for (let place = 0; place < JOBS * SETTINGS;) {
        const keys = await broker.finishedKeys(queue, place);
        await broker.outcomes(queue, keys);
        place += keys.length;
      }
    });
    const after = await info();
    console.log(
      `Redis holds ${after.memory - before.memory} bytes more for ${JOBS} ended jobs, ${JOBS * SETTINGS} samples`,
    );
    await broker.announce("work", queue, JSON.stringify(version));
  }
  await using worker = startTask(["worker", "--queue", url, "--models", "tiny"], { cache: `${folder}/worker` });
  const takes = async () =>
    (await redis.keys("kvmirror:workers:*")).length > 0 &&
    (await redis.get((await redis.keys("kvmirror:workers:*"))[0]))?.includes(`"takes":["${queue}"]`);
  while (!await takes()) await wait(200);
  await measure("an idle worker, a second", WATCHED_SECONDS, () => wait(WATCHED_SECONDS * 1000));
  await worker[Symbol.asyncDispose]();
  await redis.flushall();
  const asked = "evaluate --model tiny --task niah_single_2 --length 1024 --policy knorm --queue".split(" ");
  await using waiting = startTask([...asked, url], { cache: `${folder}/waiting` });
  await waiting.says(/no worker is there yet/);
  await measure("a waiting coordinator, a second", WATCHED_SECONDS, () => wait(WATCHED_SECONDS * 1000));
  redis.disconnect();
  console.table(rows);
  for (const notice of notices) console.log(notice);
});
Deno.exit(0);
