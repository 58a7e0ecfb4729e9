import { assertEquals, assertMatch } from "@std/assert";
import { isRunning } from "../../fixtures/is_running.ts";
import {
  childrenOf,
  kill,
  PATIENCE_MS,
  type RunningTask,
  startEvaluation,
  startTask,
  wait,
  written,
} from "../../fixtures/queue_processes.ts";
import { checkoutCopy } from "../../fixtures/checkout_copy.ts";
import { HAS_REDIS, type RedisServer, startRedis } from "../../fixtures/redis_server.ts";
import { withFolder } from "../../fixtures/with_folder.ts";

// Checked with redis-server, as processes of their own: the tasks, their workers, and the workers' models.

/** 39 samples of three contexts, a second or two of one core. */
const EVALUATION =
  ("--model tiny --task niah_single_2 --length 512 --samples 3 --max-new-tokens 8 --policy hybrid,knorm " +
    "--compression-ratio 0.5,0.75").split(" ");

/** Two contexts of six samples each, which are long enough to see a process at work. */
const POISONED = "--model tiny --task niah_single_2 --length 1800 --samples 2 --max-new-tokens 4 --policy knorm".split(
  " ",
);

interface Scene {
  readonly folder: string;
  readonly redis: RedisServer;
  readonly url: string;
  evaluate(name: string, args?: readonly string[]): RunningTask;
  worker(name: string, ...args: readonly string[]): RunningTask;
}

async function withQueue(body: (scene: Scene) => Promise<void>): Promise<void> {
  await withFolder(async (_, folder) => {
    await using redis = await startRedis();
    const url = `redis://127.0.0.1:${redis.port}`;
    await body({
      folder,
      redis,
      url,
      evaluate: (name, args = EVALUATION) => startEvaluation(folder, name, [...args, "--queue", url]),
      // Each has a cache folder of its own, as on a machine of its own: samples come through the queue alone.
      worker: (name, ...args) => startTask(["worker", "--queue", url, ...args], { cache: `${folder}/${name}` }),
    });
  });
}

let known: Promise<string[]> | undefined;

/** What one process leaves without a queue. */
function plainRun(): Promise<string[]> {
  return known ??= withFolder(async (_, folder) => {
    await using plain = startEvaluation(folder, "plain", EVALUATION);
    assertEquals(await ended(plain), 0, plain.lines.join("\n"));
    return written(folder, "plain");
  });
}

/** What Redis answers, a line each. */
async function ask({ redis: { port } }: Scene, ...args: string[]): Promise<string[]> {
  const { stdout } = await new Deno.Command("redis-cli", { args: ["-p", String(port), ...args] }).output();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
}

/** How many samples workers have handed over, each time that they did. */
async function handedOver(scene: Scene): Promise<number> {
  const [key] = await ask(scene, "keys", "kvmirror:finished:*");
  return key === undefined ? 0 : Number((await ask(scene, "llen", key))[0]);
}

/** How many processes have begun with each job and not handed a sample over since, by its id. */
async function begun(scene: Scene): Promise<Map<string, number>> {
  const [key] = await ask(scene, "keys", "kvmirror:begun:*");
  const lines = key === undefined ? [] : await ask(scene, "hgetall", key);
  return new Map(lines.flatMap((id, place) => place % 2 === 0 ? [[id, Number(lines[place + 1])]] : []));
}

async function until(is: () => Promise<boolean> | boolean, what: string): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end;) {
    if (await is()) return;
    await wait(50);
  }
  throw new Error(`Cannot see that ${what} within ${PATIENCE_MS} ms`);
}

const ended = async (task: RunningTask) => (await task.process.status).code;

Deno.test({
  name: "queue: one worker, two, and a coordinator that is killed and started again leave what one process does",
  ignore: !HAS_REDIS,
  fn: () =>
    withQueue(async (scene) => {
      const { folder } = scene;
      await using first = scene.worker("first");
      const plain = await plainRun();
      const total = plain[1].trim().split("\n").length;
      await using killed = scene.evaluate("one");
      await until(async () => await handedOver(scene) >= 5, "samples come");
      kill(killed.process.pid);
      await using one = scene.evaluate("one");
      await using beside = scene.evaluate("beside");
      assertEquals([await ended(one), await ended(beside)], [0, 0], one.lines.join("\n"));
      assertEquals(written(folder, "one"), plain);
      assertEquals(written(folder, "beside"), plain);
      assertEquals(await handedOver(scene), total, "each sample was computed once, whoever asked for it");
      await scene.redis.restart("SIGKILL"); // nothing is kept: the next run begins anew
      await using second = scene.worker("second");
      await using two = scene.evaluate("two");
      assertEquals(await ended(two), 0, two.lines.join("\n"));
      assertEquals(written(folder, "two"), plain);
      assertMatch(first.lines.join("\n"), /is lost: trying again for 5 minutes\n(?:.*\n)*the queue \S+ is back/);
      for (const worker of [first, second]) {
        worker.process.kill("SIGTERM");
        assertEquals(await ended(worker), 0, worker.lines.join("\n"));
        assertMatch(worker.lines.at(-1)!, /^worker ends after \d+ jobs$/);
      }
    }),
});

Deno.test({
  name: "queue: a worker is killed, one is of another code, and none of either stops the rest",
  ignore: !HAS_REDIS || Deno.build.os !== "linux",
  fn: () =>
    withQueue(async (scene) => {
      const { folder, url } = scene;
      const root = await checkoutCopy(`${folder}/other`);
      await Deno.writeTextFile(new URL("lib/mod.ts", root), "// Another commit.\n", { append: true });
      await using stranger = startTask(["worker", "--queue", url], { cache: `${folder}/stranger`, root });
      const [plain] = await Promise.all([plainRun(), stranger.says(/waiting for jobs/)]);
      await using run = scene.evaluate("killed");
      await run.says(/no worker takes these jobs: of 1, its code is [0-9a-f]{12}, this one's is [0-9a-f]{12}/);
      assertEquals(stranger.lines.filter((line) => /are left to others: its code is/.test(line)).length, 1);
      await using victim = scene.worker("victim");
      await until(async () => await handedOver(scene) >= 5, "samples come");
      const orphans = await childrenOf(victim.process.pid);
      assertEquals(orphans.length, 1);
      kill(victim.process.pid);
      await using rescuer = scene.worker("rescuer");
      assertEquals(await ended(run), 0, run.lines.join("\n"));
      assertEquals(written(folder, "killed"), plain);
      await until(() => orphans.every((pid) => !isRunning(pid)), "the killed worker's model has ended");
      assertEquals([stranger, rescuer].map(({ lines }) => lines.filter((line) => /error/.test(line))), [[], []]);
    }),
});

Deno.test({
  name: "queue: a job whose process ends three times is set aside with its reason, and the others are finished",
  ignore: !HAS_REDIS || Deno.build.os !== "linux",
  fn: () =>
    withQueue(async (scene) => {
      await using worker = scene.worker("worker");
      await worker.says(/waiting for jobs/);
      await using run = scene.evaluate("poison", POISONED);
      // The model's process ends before its first sample, as onnxruntime makes it end on a model that is made to.
      let poison: string | undefined;
      for (let killed = 0; killed < 3;) {
        const jobs = await begun(scene);
        poison ??= jobs.keys().next().value;
        if (poison === undefined || (jobs.get(poison) ?? 0) < 1) continue;
        const models = await childrenOf(worker.process.pid);
        if (models.length === 0) continue;
        models.forEach(kill);
        killed++;
        const ends = () => worker.lines.filter((line) => /model's process ended \(SIGKILL\)/.test(line)).length;
        await until(() => ends() === killed, `process ${killed} has ended`);
      }
      assertEquals(await ended(run), 1, run.lines.join("\n"));
      assertMatch(run.lines.at(-1)!, /^error: 6 samples failed, the others are finished; .* set aside as 3 processes/);
      assertEquals(written(scene.folder, "poison")[1].trim().split("\n").length, 6);
    }),
});
