/** `deno task evaluate`: answers to a dataset's questions, or to tasks after RULER, under evicted caches. */
import type { Model } from "kvmirror/engine";
import {
  cellFolder,
  evaluate,
  type EvaluationRow,
  type FailedCell,
  mobyDick,
  parseEvaluationRows,
  perplexity,
  type PerplexityRow,
  resultRows,
  taskGates,
  taskRows,
} from "kvmirror/eval";
import { provenanceLine } from "kvmirror/report";
import { cacheFolder } from "../lib/engine/cache_folder.ts";
import { parseFlags, printJson, printNotice, printText, runTask, usage, UsageError } from "./cli.ts";
import { evaluationReport, failureRows } from "./evaluate/evaluation_report.ts";
import { EVALUATE_FLAGS, type EvaluationRequest, requestFromFlags } from "./evaluate/flags.ts";
import { timeLeft } from "./evaluate/time_left.ts";
import { writeEvaluation } from "./evaluate/write_evaluation.ts";
import { interruptSignal } from "./interrupt.ts";
import { modelFromFlags } from "./model_flags.ts";
import { createProgress } from "./progress.ts";

await runTask(async () => {
  const flags = parseFlags(Deno.args, EVALUATE_FLAGS);
  const request = requestFromFlags(flags);
  const { source, arms, timing, positions } = request;
  const output = flags.text("output");
  const dataset = typeof source === "string" ? parseEvaluationRows(readDataset(source), source) : undefined;
  const cells = usage(() => cellFolder(output === undefined ? `${cacheFolder()}/evaluation_cells` : `${output}/cells`));
  const signal = interruptSignal();
  await using model = await modelFromFlags(flags, signal);
  const rows = limited(dataset ?? writeRows(model, request), request.maxNewTokens);
  const progress = createProgress("cells");
  const started = performance.now();
  const evaluation = await evaluate(model, rows, arms, {
    timing,
    positions,
    cells,
    signal,
    onProgress: (done, found, total) => {
      progress.update(done, total, timeLeft(performance.now() - started, done - found, total - done));
    },
  }).finally(() => {
    progress.close();
    if (signal.aborted) printNotice("what is finished is kept: the same command goes on from there");
  });
  const perplexities = await judgeText(model, request, evaluation.failures, signal);
  const results = resultRows(evaluation.cells);
  const { name, weights } = model.origin;
  const seed = typeof source === "string" ? 0 : source.seed;
  const provenance = provenanceLine({
    command: `deno task evaluate ${Deno.args.join(" ")}`,
    model: { name, weights, hash: model.hash },
    seed,
  });
  const report = { ...evaluation, results, gates: taskGates(results), perplexities, provenance };
  if (output !== undefined) await writeEvaluation(output, report);
  const failures = failureRows(evaluation.failures);
  if (flags.toggle("json")) {
    printJson({ model: name, weights, results, gates: report.gates, perplexity: perplexities, failures });
  } else printText(evaluationReport({ ...report, figures: "" }));
  if (failures.length === 0) return;
  for (const { policy, compression_ratio, task, cells, reason } of failures.slice(1)) {
    printNotice(`failed: ${policy} at ${compression_ratio} on ${task}, ${cells} cells: ${reason}`);
  }
  const [{ policy, compression_ratio, task, reason }] = failures;
  throw new Error(
    `${evaluation.failures.length} cells failed, the others are finished; ${policy} at ${compression_ratio} on ${task}: ${reason}`,
  );
});

function readDataset(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new UsageError(`Cannot read ${path} as there is no such file`);
    throw new UsageError(`Cannot read ${path}: ${(error as Error).message}`);
  }
}

function writeRows({ tokenizer }: Model, { source, timing }: EvaluationRequest): EvaluationRow[] {
  if (typeof source === "string") return [];
  const { tasks, lengths, samples, seed } = source;
  return tasks.flatMap((task) =>
    lengths.flatMap((length) => {
      const rows = taskRows(tokenizer, task, { length, samples, seed, timing });
      return lengths.length === 1 ? rows : rows.map((row) => ({ ...row, task: `${task}@${length}` }));
    })
  );
}

function limited(rows: readonly EvaluationRow[], maxNewTokens: number | undefined): readonly EvaluationRow[] {
  return maxNewTokens === undefined ? rows : rows.map((row) => ({ ...row, max_new_tokens: maxNewTokens }));
}

/** Perplexity on Moby-Dick. Left out are the oracle, which knows no question there, and arms that failed. */
async function judgeText(
  model: Model,
  request: EvaluationRequest,
  failures: readonly FailedCell[],
  signal: AbortSignal,
): Promise<PerplexityRow[]> {
  const { perplexityWindows: windows, positions } = request;
  if (windows === 0) return [];
  const failed = new Set(failures.map(({ policy }) => policy));
  const arms = request.arms.flatMap(({ policy, compressionRatio }) =>
    policy.needs.includes("laterAttention") || failed.has(policy.name) ? [] : [{ policy, compressionRatio }]
  );
  const progress = createProgress("windows of text");
  const ids = model.tokenizer.encode(mobyDick().slice(0, 4 + Math.ceil(windows / 8)).join("\n\n"));
  const rows = await perplexity(model, ids, arms, { windows, positions, signal, onProgress: progress.update });
  progress.close();
  return rows;
}
