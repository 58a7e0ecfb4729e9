/** `deno task retention`: which tokens of a text policies keep, as a page with sliders, a picture, or the runs themselves. */
import {
  encodeInspection,
  type InspectedFrame,
  type InspectedTrack,
  type Inspection,
  parseInspection,
  parseRetentionRecord,
  type RetentionRecord,
  tokenRetention,
} from "kvmirror";
import { maxNewTokensFromFlags } from "./cli/cache_flags.ts";
import { byteSize, type Flags, requiredText, textAt, usage } from "./cli/flags.ts";
import { interruptSignal } from "./cli/interrupt.ts";
import { modelFromFlags } from "./cli/model_flags.ts";
import { policiesOfFiles } from "./cli/policy_file.ts";
import { createProgress } from "./cli/progress.ts";
import { printJson, printNotice, printText } from "./cli/print.ts";
import { runTask } from "./cli/run_task.ts";
import { UsageError } from "./cli/usage_error.ts";

const EXTENSIONS = ["html", "svg", "png", "json"] as const;

/** What is asked of a run; records answer it by themselves. */
const RUN_FLAGS = [
  "question",
  "policy",
  "compression-ratio",
  "max-cache",
  "compression-interval",
  "max-new-tokens",
  "model",
  "weights",
];

await runTask("retention", async (flags) => {
  const { output, extension } = outputFromFlags(flags);
  const inspection = flags.given("prompt-file") ? await inspectionOfRuns(flags) : inspectionOfRecords(flags);
  inspection.notes?.forEach(printNotice);
  const { tokens } = inspection;
  // Of a run over time, the end.
  const runs = inspection.tracks.flatMap((track) =>
    (track.along === "tokens" ? track.frames.slice(-1) : track.frames).map((frame) => runOf(track, frame))
  );
  // Charts bring in what warns on stderr: only once the call is known to be right.
  const { inspector, percent, retentionText, writeReport } = await import("kvmirror/report");
  const title = flags.text("title");
  const content = usage(() => {
    if (extension === "json") return `${encodeInspection(inspection)}\n`;
    if (extension === "html") return inspector(inspection, { title }).html;
    return retentionText({
      title: title ?? `Retention of ${tokens.length} tokens`,
      texts: runs.map(({ row: { policy, compression_ratio }, shares }, _, { length }) => ({
        name: length === 1 || compression_ratio === undefined ? policy : `${policy} at ratio ${compression_ratio}`,
        tokens: tokens.slice(0, shares.length).map((text, token) => ({ text, retention: shares[token] })),
      })),
    })[extension];
  });
  await writeReport(output, content);
  const rows = runs.map(({ row }) => row);
  if (flags.toggle("json")) return printJson({ output, records: rows });
  for (const { policy, compression_ratio, tokens, kept_ratio, lost_everywhere, answer } of rows) {
    const at = compression_ratio === undefined ? "" : ` at ratio ${compression_ratio}`;
    const said = answer === undefined ? "" : `; answer: ${JSON.stringify(answer)}`;
    printText(
      `${policy}${at} kept ${
        percent(1)(kept_ratio)
      } of rows; no kv head holds ${lost_everywhere} of ${tokens} tokens${said}`,
    );
  }
  const size = typeof content === "string" ? new TextEncoder().encode(content).length : content.length;
  printText(`wrote ${output}, ${size} bytes`);
});

/** A line of what is printed. */
interface RunRow {
  readonly policy: string;
  readonly compression_ratio?: number;
  readonly tokens: number;
  readonly kept_ratio: number;
  readonly lost_everywhere: number;
  readonly answer?: string;
}

/** A run's numbers, and the share of kv heads that hold each token. */
function runOf(
  { policy, along }: InspectedTrack,
  { kept, tokens, compressionRatio, answer }: InspectedFrame,
): { readonly shares: Float64Array; readonly row: RunRow } {
  const shares = tokenRetention(kept, tokens);
  return {
    shares,
    row: {
      policy: along === "tokens" ? `${policy} within its bound` : policy,
      ...(compressionRatio === undefined ? {} : { compression_ratio: compressionRatio }),
      tokens,
      kept_ratio: shares.reduce((sum, share) => sum + share, 0) / tokens,
      lost_everywhere: shares.reduce((count, share) => count + (share === 0 ? 1 : 0), 0),
      ...(answer === undefined ? {} : { answer }),
    },
  };
}

/** Runs the policies of the command line on the text that it names. */
async function inspectionOfRuns(flags: Flags): Promise<Inspection> {
  const record = ["record", "against"].find((flag) => flags.given(flag));
  if (record !== undefined) {
    throw new UsageError(`Cannot run policies on --prompt-file beside --${record}, which was run: leave out one`);
  }
  const own = await policiesOfFiles(flags.text("policy"));
  const question = flags.text("question");
  if (question === undefined) {
    throw new UsageError("Cannot show answers without a question: give --question, which is asked after the text");
  }
  const maxNewTokens = maxNewTokensFromFlags(flags);
  const bound = boundFromFlags(flags);
  const compressionRatios = flags.text("compression-ratio")!.split(",").map((text) => {
    const ratio = Number(text);
    if (text.trim() !== "" && ratio >= 0 && ratio < 1) return ratio;
    throw new UsageError(`Cannot compress to ratio ${text.trim() || "of no text"} as it must be in [0, 1)`);
  });
  const { policy } = await import("kvmirror/policies");
  const { inspectRetention, splitNames } = await import("kvmirror/eval");
  const policies = usage(() => splitNames(flags.text("policy")!).map((name) => policy(name, {}, own)));
  const text = requiredText(flags, "prompt-file");
  const signal = await interruptSignal();
  await using model = await modelFromFlags(flags, signal);
  const progress = createProgress("answers");
  try {
    return await inspectRetention(model, text, {
      question,
      policies,
      compressionRatios,
      bound,
      maxNewTokens,
      signal,
      onProgress: progress.update,
    });
  } finally {
    progress.close();
  }
}

function boundFromFlags(flags: Flags): { maxBytes: number; compressionInterval: number } | undefined {
  const size = flags.text("max-cache");
  if (size !== undefined) {
    return { maxBytes: byteSize("max-cache", size), compressionInterval: flags.number("compression-interval")! };
  }
  if (!flags.given("compression-interval")) return undefined;
  throw new UsageError("Cannot evict by --compression-interval without a bound: give --max-cache as well");
}

/** Reads the runs that files hold: one that this task wrote, or records of one text. */
function inspectionOfRecords(flags: Flags): Inspection {
  const paths = flags.texts("record");
  if (paths.length === 0) {
    throw new UsageError(
      "Cannot run without --record or --prompt-file: name what compress --json printed, or a text to run policies on",
    );
  }
  const idle = RUN_FLAGS.find((flag) => flags.given(flag));
  if (idle !== undefined) {
    throw new UsageError(`Cannot use --${idle} with --record, which was run: give --prompt-file, or leave it out`);
  }
  const files = paths.map((path) => ({ flag: "record", path, text: textAt("record", path) }));
  const against = flags.text("against");
  if (against !== undefined) files.push({ flag: "against", path: against, text: textAt("against", against) });
  if (files.length === 1 && /^\s*\{\s*"format"/.test(files[0].text)) {
    return named("record", () => parseInspection(files[0].text));
  }
  const records = files.map(({ flag, path, text }) => ({
    path,
    record: named(flag, () => parseRetentionRecord(text)),
  }));
  const [{ path: first, record: { tokens } }] = records;
  const other = records.find(({ record }) => record.tokens.join("\0") !== tokens.join("\0"));
  if (other !== undefined) {
    throw new UsageError(`Cannot set ${other.path} beside ${first} as it is of another text: name records of one text`);
  }
  const byPolicy = Map.groupBy(records.map(({ record }) => record), ({ policy = "this run" }) => policy);
  return {
    tokens,
    tracks: [...byPolicy].map(([policy, own]): InspectedTrack => ({
      policy,
      along: "ratio",
      frames: own.map(frameOf).sort((one, other) => one.compressionRatio! - other.compressionRatio!),
    })),
  };
}

/** A record's ratio is what was asked for or, where it does not say, what was evicted, to three digits. */
function frameOf({ tokens, kept, compressionRatio, retention, answer, liveBytes }: RetentionRecord): InspectedFrame {
  const evicted = 1 - retention.reduce((sum, share) => sum + share, 0) / tokens.length;
  return {
    tokens: tokens.length,
    compressionRatio: compressionRatio ?? Math.min(0.999, Math.max(0, Number(evicted.toFixed(3)))),
    kept,
    answer,
    liveBytes,
  };
}

function outputFromFlags(flags: Flags): { output: string; extension: typeof EXTENSIONS[number] } {
  const output = flags.text("output");
  const known = EXTENSIONS.map((extension) => `.${extension}`).join(", ");
  if (output === undefined) throw new UsageError(`Cannot run without --output: name a file that ends in ${known}`);
  const extension = EXTENSIONS.find((extension) => output.endsWith(`.${extension}`));
  if (extension === undefined) throw new UsageError(`Cannot write --output ${output} as it must end in ${known}`);
  return { output, extension };
}

function named<Value>(flag: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error} (--${flag})`);
  }
}
