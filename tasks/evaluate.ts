/** `deno task evaluate`: answers to a dataset's questions, or to tasks after RULER, under evicted caches. */
import "./cli/no_deprecations.ts";
import { encodeStart, type Model } from "kvmirror/engine";
import {
  CUT_PROMPT,
  type DatasetRow,
  evaluate,
  type Evaluation,
  evaluationReport,
  type FailedSample,
  failureRows,
  mobyDick,
  type ModelReport,
  parseDatasetRows,
  perplexity,
  type PerplexityRow,
  reportMarkdown,
  sampleFolder,
  type SampleStore,
  settingName,
  taskRows,
  writeEvaluation,
  writeWeightsComparison,
} from "kvmirror/eval";
import { provenanceLine } from "kvmirror/report";
import { requiredText, usage } from "./cli/flags.ts";
import { modelOfWeights } from "./cli/model_flags.ts";
import { policiesOfFiles } from "./cli/policy_file.ts";
import { interruptSignal } from "./cli/interrupt.ts";
import { createProgress } from "./cli/progress.ts";
import { printJson, printNotice, printText } from "./cli/print.ts";
import { runTask } from "./cli/run_task.ts";
import { type EvaluationRequest, requestFromFlags } from "./evaluate/flags.ts";
import { EVALUATE_PERMISSIONS, runJobs, shardRows } from "./evaluate/jobs.ts";
import { permitQueue } from "./queue/permit_queue.ts";
import { samplesBy, withoutQueue } from "./queue/queue_flags.ts";

await runTask("evaluate", async (flags) => {
  const request = requestFromFlags(flags, await policiesOfFiles(flags.text("policy")));
  const { source, weights } = request;
  const output = flags.text("output");
  const dataset = typeof source === "string" ? parseDatasetRows(requiredText(flags, "dataset"), source) : undefined;
  const folder = usage(() => sampleFolder(output === undefined ? undefined : `${output}/samples`));
  if (request.queue !== undefined) await permitQueue(request.queue.address, import.meta.url, EVALUATE_PERMISSIONS);
  const samples = await samplesBy(request.queue, folder);
  const signal = await interruptSignal();
  const reports: ModelReport[] = [];
  if (request.jobs > 1) await runJobs(request.jobs, Deno.args, signal);
  for (const format of weights) {
    await using model = await modelOfWeights(flags, format, signal, request.shard && 1);
    const evaluation = await evaluateModel(model, request, dataset, samples, signal);
    if (request.shard !== undefined) continue;
    const perplexities = await judgeText(model, request, evaluation.failures, signal);
    const origin = { model: model.origin.name, weights: model.origin.weights };
    const reported = { ...evaluation, perplexities, provenance: provenanceOf(model, request) };
    const report = output === undefined
      ? evaluationReport(reported)
      : await writeEvaluation(weights.length === 1 ? output : `${output}/${origin.weights}`, reported);
    reports.push({ ...report, ...origin });
    if (!flags.toggle("json")) printText(reportMarkdown(report));
  }
  if (request.shard !== undefined) return;
  if (output !== undefined && weights.length > 1) await writeWeightsComparison(output, reports);
  const failed = reports.flatMap(({ failures }) => failures);
  if (flags.toggle("json")) {
    const printed = reports.map(({ model, weights, results, gates, perplexities, failures }) => ({
      model,
      weights,
      results,
      gates,
      perplexity: perplexities,
      failures: failureRows(failures),
    }));
    printJson(printed.length === 1 ? printed[0] : printed);
  }
  if (failed.length === 0) return;
  const lines = failureRows(failed).map((row) =>
    `${row.policy} at ${row.compression_ratio} on ${row.task}${
      row.samples > 1 ? `, ${row.samples} samples` : ""
    }: ${row.reason}`
  );
  for (const line of lines.slice(1)) printNotice(`failed: ${line}`);
  throw new Error(`${failed.length} samples failed, the others are finished; ${lines[0]}`);
});

async function evaluateModel(
  model: Model,
  request: EvaluationRequest,
  dataset: readonly DatasetRow[] | undefined,
  samples: SampleStore,
  signal: AbortSignal,
): Promise<Evaluation> {
  const { settings, timing, positions, queue } = request;
  const all = limited(dataset ?? writeRows(model, request), request.maxNewTokens);
  const rows = request.shard === undefined ? all : shardRows(all, request.shard);
  const progress = createProgress("samples");
  const ended = () => {
    progress.close();
    if (signal.aborted) printNotice("finished samples are kept: the same command goes on from there");
  };
  return await evaluate(model, rows, settings, {
    timing,
    positions,
    samples,
    signal,
    // A queue's coordinator shows its own, with the workers.
    onProgress: queue === undefined ? (done, found, total) => progress.update(done, total, found) : undefined,
  }).finally(ended);
}

function provenanceOf({ origin: { name, weights }, hash }: Model, { source }: EvaluationRequest): string {
  return provenanceLine({
    command: `deno task evaluate ${withoutQueue(Deno.args).join(" ")}`,
    model: { name, weights, hash },
    seed: typeof source === "string" ? 0 : source.seed,
  });
}

function writeRows({ tokenizer }: Model, { source, timing }: EvaluationRequest): DatasetRow[] {
  if (typeof source === "string") return [];
  const { tasks, lengths, samples, seed } = source;
  return tasks.flatMap((task) =>
    lengths.flatMap((length) => {
      const rows = taskRows(tokenizer, task, { length, samples, seed, timing });
      return lengths.length === 1 ? rows : rows.map((row) => ({ ...row, task: `${task}@${length}` }));
    })
  );
}

function limited(rows: readonly DatasetRow[], maxNewTokens: number | undefined): readonly DatasetRow[] {
  return maxNewTokens === undefined ? rows : rows.map((row) => ({ ...row, max_new_tokens: maxNewTokens }));
}

/** Perplexity on Moby-Dick, without the oracle, as no question is known, the cut prompt and policies that failed. */
async function judgeText(
  model: Model,
  request: EvaluationRequest,
  failures: readonly FailedSample[],
  signal: AbortSignal,
): Promise<PerplexityRow[]> {
  const { perplexityWindows: windows, positions } = request;
  if (windows === 0) return [];
  const failed = new Set(failures.map(({ policy }) => policy));
  const settings = request.settings.flatMap((setting) => {
    const { policy } = setting;
    const isJudged = policy !== CUT_PROMPT && !policy.signals.includes("laterAttention") &&
      !failed.has(settingName(setting).policy);
    return isJudged ? [{ ...setting, policy }] : [];
  });
  const progress = createProgress("windows of text");
  const ids = encodeStart(model.tokenizer, mobyDick().slice(0, 4 + Math.ceil(windows / 8)).join("\n\n"));
  const rows = await perplexity(model, ids, settings, { windows, positions, signal, onProgress: progress.update });
  progress.close();
  return rows;
}
