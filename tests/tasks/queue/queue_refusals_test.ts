import { assert, assertEquals, assertMatch } from "@std/assert";
import { type RunningTask, startTask } from "../../fixtures/queue_processes.ts";
import { freePort, HAS_REDIS, startRedis } from "../../fixtures/redis_server.ts";
import { withFolder } from "../../fixtures/with_folder.ts";

const ROOT = new URL("../../../", import.meta.url);
const EVALUATION = ["evaluate", "--model", "tiny", "--task", "niah_single_2", "--length", "400", "--samples", "1"]
  .concat("--max-new-tokens", "2", "--policy", "knorm");
const RECOMMENDATION = ["recommend", "--model", "tiny", "--context", "400", "--memory", "60KB", "--samples", "1"];

/** Asserts that a task ends with exit 1 and this one line. */
async function assertRefused(task: RunningTask, line: RegExp): Promise<void> {
  assertEquals((await task.process.status).code, 1);
  const lines = task.lines.filter((said) => !/^model tiny|^building/.test(said));
  assertEquals(lines.length, 1, lines.join("\n"));
  assertMatch(lines[0], line);
}

Deno.test("queue: one that cannot be reached is one line and exit 1", async () => {
  await withFolder(async (_, folder) => {
    const unreachable = ["--queue", `redis://127.0.0.1:${freePort()}`];
    await using evaluation = startTask([...EVALUATION, ...unreachable], { cache: folder });
    await using recommendation = startTask([...RECOMMENDATION, ...unreachable], { cache: folder });
    await using worker = startTask(["worker", ...unreachable], { cache: folder });
    for (const task of [evaluation, recommendation, worker]) {
      await assertRefused(
        task,
        /^error: Cannot reach the queue redis:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\): start Redis/,
      );
    }
  });
});

Deno.test({
  name: "queue: a wrong password, and TLS to a port without it, are one line without the password",
  ignore: !HAS_REDIS,
  fn: () =>
    withFolder(async (_, cache) => {
      await using redis = await startRedis("--requirepass", "right");
      const at = (scheme: string, password: string) => `${scheme}://:${password}@127.0.0.1:${redis.port}`;
      await using wrong = startTask(["worker", "--queue", at("redis", "wrong")], { cache });
      await using encrypted = startTask(["worker", "--queue", at("rediss", "wrong")], { cache });
      await using allowed = startTask(["worker", "--queue", at("redis", "right")], { cache });
      await assertRefused(wrong, /^error: Cannot use the queue redis:\/\/127\.0\.0\.1:\d+ as it refuses the password/);
      await assertRefused(encrypted, /^error: Cannot reach the queue rediss:\/\/127\.0\.0\.1:\d+ \((?!.*wrong)/);
      await allowed.says(/waiting for jobs/);
    }),
});

Deno.test({
  name: "queue: who waits for one that is lost ends at the first signal",
  ignore: !HAS_REDIS,
  fn: () =>
    withFolder(async (_, cache) => {
      await using redis = await startRedis();
      const queue = ["--queue", `redis://127.0.0.1:${redis.port}`];
      await using evaluation = startTask([...EVALUATION, ...queue], { cache });
      await evaluation.says(/no worker is there yet/);
      await using worker = startTask(["worker", ...queue, "--prefix", "other", "--models", "tiny"], { cache });
      await worker.says(/waiting for jobs/);
      await redis.stop();
      for (const task of [evaluation, worker]) {
        await task.says(/is lost: trying again/);
        const sent = performance.now();
        task.process.kill("SIGTERM");
        const { code } = await task.process.status;
        assertEquals(code, task === worker ? 0 : 143, task.lines.join("\n"));
        assert(performance.now() - sent < 60_000, "it went on to try"); // for five minutes
      }
    }),
});

Deno.test("queue: without --queue no task loads a package of Redis", async () => {
  for (const task of ["evaluate", "recommend", "reproduce"]) {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", `tasks/${task}.ts`],
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
    assertEquals(reached(({ isDynamic }) => isDynamic !== true), [], task);
    assert(reached(() => true).length >= 2, `with --queue ${task} does`);
  }
});

interface Dependency {
  readonly code?: { readonly specifier: string };
  readonly isDynamic?: boolean;
}

interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly Dependency[];
}
