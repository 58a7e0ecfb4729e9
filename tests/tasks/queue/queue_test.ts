import { assert, assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { isRunning } from "../../fixtures/is_running.ts";
import { childrenOf, kill, PATIENCE_MS, type RunningTask, startTask, wait } from "../../fixtures/queue_processes.ts";
import { freePort, HAS_REDIS, type RedisServer, startRedis } from "../../fixtures/redis_server.ts";
import { withFolder } from "../../fixtures/with_folder.ts";

// Checked with redis-server, as processes of their own: the tasks, their workers, and the workers' models.

const ROOT = new URL("../../../", import.meta.url);
const FILES = ["results.json", "predictions.jsonl", "predictions.csv", "measures.jsonl", "summary.json", "report.md"];
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
      evaluate: (name, args = EVALUATION) =>
        startTask(["evaluate", ...args, "--output", `${folder}/${name}/out`, "--queue", url], `${folder}/cache`),
      // Each has a cache folder of its own, as on a machine of its own: samples come through the queue alone.
      worker: (name, ...args) => startTask(["worker", "--queue", url, ...args], `${folder}/${name}`),
    });
  });
}

/** What an evaluation left; the report's line of its command names the folder. */
function written(folder: string, name: string): string[] {
  return FILES.map((file) => Deno.readTextFileSync(`${folder}/${name}/out/${file}`).replaceAll(`/${name}/`, "/NAME/"));
}

async function plainRun(folder: string): Promise<string[]> {
  await using plain = startTask(["evaluate", ...EVALUATION, "--output", `${folder}/plain/out`], `${folder}/cache`);
  assertEquals((await plain.process.status).code, 0, plain.lines.join("\n"));
  return written(folder, "plain");
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
      const plain = await plainRun(folder);
      const total = plain[1].trim().split("\n").length;
      await using first = scene.worker("first");
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
      const other = await otherCommit(`${folder}/other`);
      await using stranger = startTask(["worker", "--queue", url], `${folder}/stranger`, other);
      const [plain] = await Promise.all([plainRun(folder), stranger.says(/waiting for jobs/)]);
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

Deno.test("queue: one that cannot be reached, or refuses, is one line and exit 1", async () => {
  await withFolder(async (_, folder) => {
    const unreachable = ["--queue", `redis://127.0.0.1:${freePort()}`];
    await using evaluation = startTask(["evaluate", ...EVALUATION, ...unreachable], folder);
    await using worker = startTask(["worker", ...unreachable], folder);
    for (const task of [evaluation, worker]) {
      assertEquals(await ended(task), 1);
      const lines = task.lines.filter((line) => !/^model tiny|^building/.test(line));
      assertEquals(lines.length, 1, lines.join("\n"));
      assertMatch(lines[0], /^error: Cannot reach the queue redis:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\): start Redis/);
    }
  });
});

Deno.test({
  name: "queue: a wrong password is one line without the password",
  ignore: !HAS_REDIS,
  fn: async () => {
    await withFolder(async (_, folder) => {
      await using redis = await startRedis("--requirepass", "right");
      await using worker = startTask(["worker", "--queue", `redis://:wrong@127.0.0.1:${redis.port}`], folder);
      assertEquals(await ended(worker), 1);
      assertEquals(worker.lines.length, 1, worker.lines.join("\n"));
      assertMatch(
        worker.lines[0],
        /^error: Cannot use the queue redis:\/\/127\.0\.0\.1:\d+ as it refuses the password/,
      );
      await using allowed = startTask(["worker", "--queue", `redis://:right@127.0.0.1:${redis.port}`], folder);
      await allowed.says(/waiting for jobs/);
    });
  },
});

Deno.test("queue: without --queue no task loads a package of Redis", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "tasks/evaluate.ts"],
    cwd: ROOT,
  }).output();
  const { modules, roots }: { modules: readonly Module[]; roots: readonly string[] } = JSON.parse(
    new TextDecoder().decode(stdout),
  );
  const imports = new Map(modules.map(({ specifier, dependencies = [] }) => [specifier, dependencies]));
  const reached = (isFollowed: (dependency: Dependency) => boolean) => {
    const found = new Set(roots);
    for (const file of found) {
      for (const dependency of imports.get(file) ?? []) {
        if (isFollowed(dependency) && dependency.code !== undefined) found.add(dependency.code.specifier);
      }
    }
    return [...found].filter((name) => /(?:bullmq|ioredis)@/.test(name));
  };
  assertEquals(reached(({ isDynamic }) => isDynamic !== true), []);
  assert(reached(() => true).length >= 2, "with --queue they are");
});

interface Dependency {
  readonly code?: { readonly specifier: string };
  readonly isDynamic?: boolean;
}

interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly Dependency[];
}

/** A copy of the checkout whose library has one comment more. */
async function otherCommit(folder: string): Promise<URL> {
  await Deno.mkdir(folder);
  const names = ["lib", "tasks", "data", "deno.json", "deno.lock", "tests/std"];
  await Deno.mkdir(`${folder}/tests`);
  for (const name of names) {
    await new Deno.Command("cp", { args: ["-r", fileURLToPath(new URL(name, ROOT)), `${folder}/${name}`] }).output();
  }
  await Deno.symlink(fileURLToPath(new URL("node_modules", ROOT)), `${folder}/node_modules`);
  await Deno.writeTextFile(`${folder}/lib/mod.ts`, "// Another commit.\n", { append: true });
  return new URL(`file://${folder}/`);
}
