/** `deno task worker`: takes jobs of evaluations from a queue on Redis and sends their samples back. */
import "./cli/no_deprecations.ts";
import { checkModelName, listEmbedded, listModels } from "kvmirror/engine";
import { cacheFolderPermission } from "./cli/cache_folder_permission.ts";
import { usage } from "./cli/flags.ts";
import { interruptSignal } from "./cli/interrupt.ts";
import { runTask } from "./cli/run_task.ts";
import { UsageError } from "./cli/usage_error.ts";
import { permitQueue } from "./queue/permit_queue.ts";
import { queueFromFlags } from "./queue/queue_flags.ts";
import { work } from "./queue/work.ts";

await runTask("worker", async (flags) => {
  const queue = queueFromFlags(flags);
  if (queue === undefined) throw new UsageError("Cannot work without a queue: give --queue redis://host:6379");
  const threads = flags.number("threads")!;
  if (threads < 1 || threads > 256) throw new UsageError(`Cannot use --threads ${threads} as it must be in [1, 256]`);
  const models = flags.text("models")?.split(",").map((name) => name.trim()) ?? modelsHere();
  for (const name of models) usage(() => checkModelName(name));
  await permitQueue(queue.address, import.meta.url, [
    "-P=engine",
    `--allow-write=${cacheFolderPermission()}`,
    `--allow-run=${Deno.execPath()}`,
  ]);
  await work(queue.address, { models, threads, retention: queue.retention }, await interruptSignal());
});

function modelsHere(): string[] {
  return [listEmbedded(), ...listModels()].flatMap(({ name, path }) => path === undefined ? [] : [name]);
}
