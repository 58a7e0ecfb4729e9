/** `deno task bench`: times this engine and its peers, each in a process of its own, in turns. */
import { checkModelName, readCheckpoint, type ResolvedModel, resolveModel } from "kvmirror/engine";
import { resolve } from "node:path";
import { measure, measureTime } from "./bench/measure.ts";
import { RunRows } from "./bench/metrics/run_context.ts";
import { type BenchPlan, benchPlan, isWanted, listOf, timesTokens } from "./bench/plan/bench_plan.ts";
import { describeRow, isMeasured, type ReportRow } from "./bench/plan/bench_result.ts";
import {
  type BenchReport,
  checkWritable,
  readBenchReport,
  REPORT_FORMAT,
  writeBenchReport,
} from "./bench/report/bench_report.ts";
import { compareReports, printComparisons, YARDSTICKS } from "./bench/report/compare_reports.ts";
import { chooseSystems, PEERS, type Peers, SYSTEM_NAMES } from "./bench/workers/systems.ts";
import { usage } from "./cli/flags.ts";
import { interruptCode, interruptSignal } from "./cli/interrupt.ts";
import { createFetchProgress } from "./cli/progress.ts";
import { printJson, printNotice, printText } from "./cli/print.ts";
import { runTask } from "./cli/run_task.ts";
import { UsageError } from "./cli/usage_error.ts";
import { runFacts } from "./notebooks/run_record.ts";

await runTask("bench", async (flags) => {
  const rendered = flags.text("render");
  if (rendered !== undefined) return await renderBenchReport(rendered, await readBenchReport(rendered));
  const plan = benchPlan(flags);
  const named = flags.text("systems");
  const peers = peersOf(flags.text("peers")!);
  const asked = flags.given("metrics") ? plan.metrics : [];
  const systems = chooseSystems(named === undefined ? undefined : listOf(named), peers, asked);
  // Read before anything is measured: a mistake shows at once.
  const comparedPath = flags.text("compare");
  if (comparedPath !== undefined) checkYardstick(systems, peers, plan);
  const earlier = comparedPath === undefined ? undefined : await readBenchReport(comparedPath);
  const output = flags.text("output");
  if (output !== undefined) await checkWritable(output);
  const signal = await interruptSignal();
  const model = await findModel(flags.text("model")!, signal).catch((error) => endIf(signal, error));
  await checkContext(model, plan);

  const facts = await runFacts(["deno task bench", ...Deno.args].join(" "), model);
  const versions: Record<string, string> = {};
  const reportOf = (rows: readonly ReportRow[]): BenchReport => (
    { format: REPORT_FORMAT, ...facts, date: new Date().toISOString(), systems: versions, rows: wanted(rows) }
  );
  const wanted = (rows: readonly ReportRow[]) => rows.filter(({ metric }) => isWanted(metric, plan));
  const keep = async (rows: readonly ReportRow[]) => {
    if (output !== undefined) await writeBenchReport(output, { ...reportOf(rows), unfinished: true });
  };
  const rows = new RunRows(SYSTEM_NAMES, keep);
  let where: Pick<BenchReport, "profiles" | "floor"> = {};
  try {
    await measure(systems, model, plan, { rows, versions, signal });
    if (plan.metrics.includes("profile")) where = await measureTime(model, plan, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  const measured = wanted(rows.rows());
  if (output !== undefined && measured.length > 0) {
    const report = { ...reportOf(measured), ...where, ...(signal.aborted ? { unfinished: true as const } : {}) };
    await writeBenchReport(output, report);
    await renderBenchReport(output, report);
  }
  if (flags.toggle("json")) printJson(measured);
  else for (const row of measured) printText(describeRow(row, measured));
  if (signal.aborted) endIf(signal, `${measured.length} rows hold what was finished`);
  if (earlier === undefined) return;
  const comparisons = compareReports(earlier.rows.filter(isMeasured), measured.filter(isMeasured));
  if (comparisons.compared.length === 0) {
    throw new Error(
      `Cannot compare with ${comparedPath} as no row is in both runs beside a peer's: measure its metrics`,
    );
  }
  const print = flags.toggle("json") ? printNotice : printText;
  if (printComparisons(comparisons, print) > 0) Deno.exit(1);
});

/** Ends the task if Ctrl-C was the cause; else the error goes on. */
function endIf(signal: AbortSignal, error: unknown): never {
  if (!signal.aborted) throw error;
  printNotice(`error: interrupted${typeof error === "string" ? `: ${error}` : ""}`);
  Deno.exit(interruptCode());
}

function peersOf(name: string): Peers {
  const peers = PEERS.find((each) => each === name);
  if (peers === undefined) throw new UsageError(`Cannot use --peers ${name}: it is ${PEERS.join(", ")}`);
  return peers;
}

/** Times of different hours say nothing, so rows are compared as multiples of a peer's. */
function checkYardstick(systems: readonly string[], peers: Peers, { metrics }: BenchPlan): void {
  if (systems.some((system) => YARDSTICKS.includes(system))) return;
  if (peers !== "none" && metrics.includes("simulate")) return;
  throw new UsageError(
    "Cannot compare without a peer that both runs measured, as times of different hours say nothing: add transformers.js",
  );
}

async function findModel(name: string, signal: AbortSignal): Promise<ResolvedModel> {
  usage(() => checkModelName(name));
  const fetching = createFetchProgress();
  const model = await resolveModel(name, { signal, onNotice: printNotice, onProgress: fetching.onProgress });
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

/** The report stands beside the JSON, under its name. */
export async function renderBenchReport(path: string, report: BenchReport): Promise<void> {
  const written = `${resolve(path).replace(/\.json$/, "")}.md`;
  // Charts and tables load slowly, and a mistake in a flag needs none.
  const { writePerformanceReport } = await import("./bench/report/write_performance_report.ts");
  await writePerformanceReport(written, report);
  printNotice(`report ${written}`);
}
