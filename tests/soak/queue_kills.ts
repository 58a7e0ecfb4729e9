/**
 * Kills workers, their models, the coordinator and Redis at random moments of an evaluation by a queue, and compares what
 * it leaves with what one process leaves without a queue. Redis keeps its data over the kills in every other round.
 *
 * ```sh
 * deno run -P=test tests/soak/queue_kills.ts 30 7   # so many kills, drawn from this seed
 * ```
 */
import { Draws } from "../fuzz/mutate.ts";
import {
  childrenOf,
  kill,
  type RunningTask,
  startEvaluation,
  startTask,
  wait,
  written,
} from "../fixtures/queue_processes.ts";
import { startRedis } from "../fixtures/redis_server.ts";
import { withFolder } from "../fixtures/with_folder.ts";

/** 104 samples of eight contexts. */
const EVALUATION =
  ("--model tiny --task niah_single_2 --length 1024 --samples 8 --max-new-tokens 8 --policy hybrid,knorm " +
    "--compression-ratio 0.5,0.75").split(" ");
/** What is killed, as often as it stands here. */
const VICTIMS = [
  "worker",
  "worker",
  "worker",
  "model",
  "model",
  "model",
  "coordinator",
  "coordinator",
  "redis",
] as const;
/** The pause before a kill, in ms. */
const SHORTEST = 1000;
const LONGEST = 8000;
const PERSISTENT = ["--appendonly", "yes", "--appendfsync", "always"];

const kills = Number(Deno.args[0] ?? 30);
const draws = new Draws(Deno.args[1] ?? "1");

await withFolder(async (_, folder) => {
  await using plain = startEvaluation(folder, "plain", EVALUATION);
  await finished(plain);
  const expected = written(folder, "plain");
  const compare = (name: string, what: string) => {
    const same = written(folder, name).every((text, place) => text === expected[place]);
    console.log(`${what}: ${same ? "the same bytes" : "OTHER BYTES"}`);
    if (!same) Deno.exit(1);
  };
  for (const count of [1, 2]) {
    await using redis = await startRedis();
    const url = `redis://127.0.0.1:${redis.port}`;
    await using workers = new AsyncDisposableStack();
    for (let place = 0; place < count; place++) {
      workers.use(startTask(["worker", "--queue", url], { cache: `${folder}/worker-${count}-${place}` }));
    }
    await using run = startEvaluation(folder, `workers-${count}`, [...EVALUATION, "--queue", url]);
    await finished(run);
    compare(`workers-${count}`, `${count} workers, no kill`);
  }
  const done = new Map<string, number>();
  let left = kills;
  for (let round = 1; left > 0; round++) {
    const isPersistent = round % 2 === 1;
    await using redis = await startRedis(...(isPersistent ? PERSISTENT : []));
    const url = `redis://127.0.0.1:${redis.port}`;
    const name = `round-${round}`;
    const startWorker = (place: number) =>
      startTask(["worker", "--queue", url], { cache: `${folder}/worker-${round}-${place}` });
    const startCoordinator = () => startEvaluation(folder, name, [...EVALUATION, "--queue", url]);
    const workers = [startWorker(0), startWorker(1)];
    let coordinator = startCoordinator();
    const before = left;
    while (await within(SHORTEST + draws.below(LONGEST - SHORTEST), coordinator) === "runs") {
      if (left === 0) continue;
      const victim = VICTIMS[draws.below(VICTIMS.length)];
      const place = draws.below(2);
      if (victim === "redis") await redis.restart("SIGKILL");
      else if (victim === "worker") {
        await workers[place][Symbol.asyncDispose]();
        workers[place] = startWorker(place);
      } else if (victim === "coordinator") {
        await coordinator[Symbol.asyncDispose]();
        coordinator = startCoordinator();
      } else {
        const models = await childrenOf(workers[place].process.pid);
        if (models.length === 0) continue;
        models.forEach(kill);
      }
      done.set(victim, (done.get(victim) ?? 0) + 1);
      left--;
    }
    await finished(coordinator);
    for (const task of [...workers, coordinator]) await task[Symbol.asyncDispose]();
    compare(name, `round ${round}, ${before - left} kills, Redis ${isPersistent ? "keeps" : "loses"} its data`);
  }
  console.log(`${kills} kills: ${[...done].map(([victim, count]) => `${victim} ${count}`).join(", ")}`);
});

async function finished(task: RunningTask): Promise<void> {
  const { code } = await task.process.status;
  if (code === 0) return;
  console.log(`exit ${code}:\n${task.lines.join("\n")}`);
  Deno.exit(1);
}

/** Whether a task still runs after so many ms. */
async function within(ms: number, task: RunningTask): Promise<"runs" | "ended"> {
  return await Promise.race([task.process.status.then(() => "ended" as const), wait(ms).then(() => "runs" as const)]);
}
