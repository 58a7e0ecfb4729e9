/** `deno task bench`: times this engine and its peers, each in a process of its own, in turns. */
import { resolve } from "node:path";
import { checkModelName, readCheckpoint, type ResolvedModel, resolveModel } from "kvmirror/engine";
import { type BenchPlan, benchPlan, listOf, timesTokens } from "./bench/bench_plan.ts";
import { type BenchReport, readBenchReport } from "./bench/bench_report.ts";
import { compareReports } from "./bench/compare_reports.ts";
import { describeRow } from "./bench/describe_row.ts";
import { measure } from "./bench/measure.ts";
import { printComparisons } from "./bench/print_comparisons.ts";
import { measureFloor } from "./bench/profile/measure_floor.ts";
import { measureProfile, type TokenProfile } from "./bench/profile/measure_profile.ts";
import { writePerformanceReport } from "./bench/report/write_performance_report.ts";
import { chooseSystems } from "./bench/systems.ts";
import { parseFlags, printJson, printNotice, printText, runTask, usage, UsageError, writeAll } from "./cli.ts";
import { createProgress } from "./progress.ts";
import { runFacts } from "./run_record.ts";
import { writeWhole } from "../lib/engine/write_whole.ts";

await runTask(async () => {
  const flags = parseFlags(Deno.args, {
    text: [
      ...["model", "metrics", "contexts", "rounds", "tokens", "simulated", "systems", "peers"],
      ...["output", "compare", "render"],
    ],
    toggle: ["json"],
  });
  if (flags.positional.length > 0) throw new UsageError(`Cannot use ${flags.positional[0]}: every setting is a flag`);
  const rendered = flags.text("render");
  if (rendered !== undefined) return await render(resolve(rendered), await readBenchReport(rendered));
  const plan = benchPlan(flags);
  const peers = flags.text("peers") ?? "npm";
  if (peers !== "npm" && peers !== "python") throw new UsageError(`Cannot use --peers ${peers}: it is npm or python`);
  const named = flags.text("systems");
  const systems = chooseSystems(named === undefined ? undefined : listOf(named), peers);
  // Read before anything is measured: a mistake shows at once.
  const earlierPath = flags.text("compare");
  const earlier = earlierPath === undefined ? undefined : await readBenchReport(earlierPath);
  const model = await findModel(flags.text("model") ?? "auto");
  await checkContext(model, plan);

  const { rows, systems: versions } = await measure(systems, model, plan);
  const output = flags.text("output");
  const where = plan.metrics.includes("profile") ? await profile(model, plan) : {};
  if (output !== undefined) {
    const facts = await runFacts(["deno task bench", ...Deno.args].join(" "), model);
    const report = { ...facts, date: new Date().toISOString(), systems: versions, rows, ...where };
    await writeWhole(resolve(output), (file) => writeAll(file, `${JSON.stringify(report, null, 2)}\n`));
    await render(resolve(output), report);
  }
  if (flags.toggle("json")) printJson(rows);
  else for (const row of rows) printText(describeRow(row, rows));
  if (earlier === undefined) return;
  const print = flags.toggle("json") ? printNotice : printText;
  if (printComparisons(compareReports(earlier.rows, rows), print) > 0) Deno.exit(1);
});

async function findModel(name: string): Promise<ResolvedModel> {
  usage(() => checkModelName(name));
  const fetching = createProgress("fetching");
  const model = await resolveModel(name, { onProgress: ({ received, total }) => fetching.update(received, total) });
  fetching.close();
  printNotice(`model ${model.name}, from ${model.source}`);
  return model;
}

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

/** Where the time of a token goes, and the least that it can take. */
async function profile(
  model: ResolvedModel,
  { contexts, tokens }: BenchPlan,
): Promise<Pick<BenchReport, "profiles" | "floor">> {
  const floor = await measureFloor(model);
  const profiles: TokenProfile[] = [];
  for (const context of contexts) profiles.push(await measureProfile(model, context, tokens));
  return { floor, profiles };
}

/** The report stands beside the JSON, under its name. */
async function render(path: string, report: BenchReport): Promise<void> {
  const written = `${path.replace(/\.json$/, "")}.md`;
  await writePerformanceReport(written, report);
  printNotice(`report ${written}`);
}
