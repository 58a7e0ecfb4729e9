/** `deno task bench`: times this engine and its peers, each in a process of its own, in turns. */
import { resolve } from "node:path";
import { checkModelName, readCheckpoint, type ResolvedModel, resolveModel } from "kvmirror/engine";
import { type BenchPlan, benchPlan, listOf, timesTokens } from "./bench/bench_plan.ts";
import { describeRow } from "./bench/describe_row.ts";
import { measure } from "./bench/measure.ts";
import { chooseSystems } from "./bench/systems.ts";
import { parseFlags, printJson, printNotice, printText, runTask, usage, UsageError, writeAll } from "./cli.ts";
import { createProgress } from "./progress.ts";
import { runFacts } from "./run_record.ts";
import { writeWhole } from "../lib/engine/write_whole.ts";

await runTask(async () => {
  const flags = parseFlags(Deno.args, {
    text: ["model", "metrics", "contexts", "rounds", "tokens", "simulated", "systems", "peers", "output"],
    toggle: ["json"],
  });
  if (flags.positional.length > 0) throw new UsageError(`Cannot use ${flags.positional[0]}: every setting is a flag`);
  const plan = benchPlan(flags);
  const peers = flags.text("peers") ?? "npm";
  if (peers !== "npm" && peers !== "python") throw new UsageError(`Cannot use --peers ${peers}: it is npm or python`);
  const named = flags.text("systems");
  const systems = chooseSystems(named === undefined ? undefined : listOf(named), peers);
  const name = flags.text("model") ?? "auto";
  usage(() => checkModelName(name));
  const fetching = createProgress("fetching");
  const model = await resolveModel(name, { onProgress: ({ received, total }) => fetching.update(received, total) });
  fetching.close();
  printNotice(`model ${model.name}, from ${model.source}`);
  await checkContext(model, plan);

  const { rows, systems: versions } = await measure(systems, model, plan);
  const output = flags.text("output");
  if (output !== undefined) {
    const facts = await runFacts(["deno task bench", ...Deno.args].join(" "), model);
    const report = { ...facts, date: new Date().toISOString(), systems: versions, rows };
    await writeWhole(resolve(output), (file) => writeAll(file, `${JSON.stringify(report, null, 2)}\n`));
  }
  if (flags.toggle("json")) printJson(rows);
  else for (const row of rows) printText(describeRow(row, rows));
});

/** Refuses a text that the model has no room for, with what is generated after it: once with all rows, thrice evicted. */
async function checkContext({ path }: ResolvedModel, plan: BenchPlan): Promise<void> {
  if (!timesTokens(plan) && !plan.metrics.includes("resident") && !plan.metrics.includes("profile")) return;
  const { contexts, tokens } = plan;
  using checkpoint = await readCheckpoint(path);
  const limit = checkpoint.config.maxPositionEmbeddings;
  const longest = Math.max(...contexts);
  if (longest + 4 * (tokens + 1) <= limit) return;
  throw new UsageError(
    `Cannot time 4 × ${
      tokens + 1
    } tokens after ${longest} as the model's context is ${limit}: give --contexts below it`,
  );
}
