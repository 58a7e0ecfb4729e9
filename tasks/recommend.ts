/** `deno task recommend`: tries policies on a sample, and names the one to take for a text and a memory. */
import "./cli/no_deprecations.ts";
import { parseCacheDtype } from "kvmirror/engine";
import {
  checkTaskName,
  type DatasetRow,
  kvpressPrompt,
  parseDatasetRows,
  recommend,
  type Recommendation,
  sampleFolder,
  splitNames,
  taskRows,
} from "kvmirror/eval";
import { policy } from "kvmirror/policies";
import { bytes, fixed, percent, table } from "kvmirror/report";
import { byteSize, type Flags, requiredText, usage } from "./cli/flags.ts";
import { cacheFolderPermission } from "./cli/cache_folder_permission.ts";
import { modelFromFlags } from "./cli/model_flags.ts";
import { interruptSignal } from "./cli/interrupt.ts";
import { policiesOfFiles } from "./cli/policy_file.ts";
import { createProgress } from "./cli/progress.ts";
import { printJson, printText } from "./cli/print.ts";
import { runTask } from "./cli/run_task.ts";
import { UsageError } from "./cli/usage_error.ts";
import { permitQueue } from "./queue/permit_queue.ts";
import { queueFromFlags, samplesBy } from "./queue/queue_flags.ts";

await runTask("recommend", async (flags) => {
  const context = flags.number("context");
  if (context === undefined || context < 1) {
    throw new UsageError("Cannot recommend without --context: give the tokens of your text, such as 4096");
  }
  const memory = flags.text("memory");
  if (memory === undefined) throw new UsageError("Cannot recommend without --memory: give a size, such as 16MB");
  const maxBytes = byteSize("memory", memory);
  const own = await policiesOfFiles(flags.text("policy"));
  const policies = usage(() => splitNames(flags.text("policy")!).map((name) => policy(name, {}, own)));
  const cacheDtypes = usage(() => splitNames(flags.text("cache-dtype")!).map((name) => parseCacheDtype(name)));
  const dataset = flags.text("dataset");
  const given = ["task", "samples", "seed"].find((name) => flags.given(name));
  if (dataset !== undefined && given !== undefined) {
    throw new UsageError(`Cannot use --${given} with --dataset as its rows are what they are: leave out one`);
  }
  const read = dataset === undefined ? undefined : parseDatasetRows(requiredText(flags, "dataset"), dataset);
  const queue = queueFromFlags(flags);
  if (queue !== undefined) {
    await permitQueue(queue.address, import.meta.url, [
      "-P=engine",
      `--allow-write=${cacheFolderPermission()}`,
      "--allow-sys=cpus,hostname,osRelease,systemMemoryInfo,uid,homedir,networkInterfaces",
    ]);
  }
  const samples = await samplesBy(queue, sampleFolder());
  const signal = await interruptSignal();
  await using model = await modelFromFlags(flags, signal);
  const rows = read ?? sampleRows(flags, model.tokenizer, context);
  const progress = createProgress("samples");
  const found = await recommend(model, rows, {
    maxBytes,
    context,
    policies,
    cacheDtypes,
    samples,
    signal,
    // A queue's coordinator shows its own, with the workers.
    onProgress: queue === undefined ? (done, found, total) => progress.update(done, total, found) : undefined,
  }).finally(() => progress.close());
  if (flags.toggle("json")) printJson({ model: model.origin.name, weights: model.origin.weights, context, ...found });
  else printText(inWords(found, context, maxBytes));
});

function sampleRows(flags: Flags, tokenizer: Parameters<typeof taskRows>[0], context: number): DatasetRow[] {
  const tasks = usage(() => splitNames(flags.text("task")!));
  usage(() => tasks.forEach(checkTaskName));
  const samples = flags.number("samples")!;
  if (samples < 1) throw new UsageError(`Cannot use --samples ${samples} as it must be at least 1`);
  const seed = flags.number("seed");
  return usage(() =>
    tasks.flatMap((task) => {
      const write = (length: number) => taskRows(tokenizer, task, { length, samples, seed, maxNewTokens: 24 });
      const tokens = (row: DatasetRow) => kvpressPrompt(tokenizer, row).contextIds.length;
      // A row's length counts its question and the room for an answer: the text by itself is to be that long.
      return write(2 * context - Math.min(...write(context).map(tokens)));
    })
  );
}

function inWords(found: Recommendation, context: number, maxBytes: number): string {
  const [full] = found.evidence;
  const fits = found.evidence.length === 1
    ? `${context} tokens fit into ${bytes(maxBytes)} as they are: evict nothing.`
    : `For ${context} tokens in ${
      bytes(maxBytes)
    }: policy ${found.policy}, compression ratio ${found.compression_ratio}, ` +
      `${found.positions} positions, ${found.dtype} rows.`;
  const sure = found.evidence.length === 1 ? [] : [
    `It comes first in ${percent(0)(found.p_best)} of redrawn samples` +
    (found.as_good.length === 0 ? "." : `; this sample does not tell it apart from ${found.as_good.join(", ")}.`),
  ];
  const poor = full.score < 0.5
    ? [`The full cache scores ${full.score.toFixed(2)} here: judge by divergence (kl), or give a --dataset it can do.`]
    : [];
  const warned = [
    ...found.left_out.map(({ policy, reason }) => `Left out: ${policy}, as ${reason}.`),
    ...(found.context_tokens < 0.9 * context
      ? [`The sample's shortest context has ${found.context_tokens} tokens, your text ${context}: give longer rows.`]
      : []),
    ...(found.kl > 0.1
      ? [
        `Even this answers unlike the full cache (kl ${
          found.kl.toFixed(2)
        } nats a token): try more memory, or f32 or int8 rows.`,
      ]
      : []),
  ];
  return [
    fits,
    `Expected on this sample (n = ${found.n}): score ${found.score.toFixed(2)} [${found.ci_low.toFixed(2)}, ${
      found.ci_high.toFixed(2)
    }], the full cache ${full.score.toFixed(2)}; divergence ${found.kl.toFixed(3)} nats a token; ${
      found.ms_per_token.toFixed(1)
    } ms a token, ${found.full_ms_per_token.toFixed(1)} with the full cache.`,
    ...sure,
    ...poor,
    ...warned,
    "",
    table(found.evidence, {
      formats: {
        compression_ratio: fixed(3),
        score: fixed(2),
        ci_low: fixed(2),
        ci_high: fixed(2),
        kl: fixed(3),
        top1_agreement: fixed(2),
        live_bytes: bytes,
      },
    }).markdown,
  ].join("\n");
}
