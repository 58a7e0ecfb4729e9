/** `deno task retention`: the text of a run's record, colored by the retention of its tokens. */
import { parseRetentionRecord, type RetentionRecord } from "kvmirror";
import { type Flags, requiredText, textFromFlag, usage } from "./cli/flags.ts";
import { printJson, printText } from "./cli/print.ts";
import { runTask } from "./cli/run_task.ts";
import { UsageError } from "./cli/usage_error.ts";

const EXTENSIONS = ["html", "svg", "png"] as const;

await runTask("retention", async (flags) => {
  const { output, extension } = outputFromFlags(flags);
  const records = [recordOf("record", requiredText(flags, "record"))];
  const against = textFromFlag(flags, "against");
  if (against !== undefined) records.push(recordOf("against", against));
  const rows = records.map((record) => ({
    policy: record.policy ?? "this run",
    tokens: record.tokens.length,
    kept_ratio: rowsOf(record) / (record.tokens.length * record.kept.flat().length),
    lost_everywhere: record.retention.reduce((count, share) => count + (share === 0 ? 1 : 0), 0),
  }));
  // Charts bring in what warns on stderr: only once the call is known to be right.
  const { percent, retentionText, writeReport } = await import("kvmirror/report");
  const picture = usage(() =>
    retentionText({
      title: flags.text("title") ?? `Retention of ${rows[0].tokens} tokens`,
      texts: records.map(({ tokens, retention }, index) => ({
        name: rows[index].policy,
        tokens: tokens.map((text, token) => ({ text, retention: retention[token] })),
      })),
    })
  );
  await writeReport(output, picture[extension]);
  if (flags.toggle("json")) return printJson({ output, records: rows });
  for (const { policy, tokens, kept_ratio, lost_everywhere } of rows) {
    printText(
      `${policy} kept ${percent(1)(kept_ratio)} of rows; no kv head holds ${lost_everywhere} of ${tokens} tokens`,
    );
  }
  printText(`wrote ${output}`);
});

function rowsOf({ kept }: RetentionRecord): number {
  return kept.flat().reduce((rows, positions) => rows + positions.length, 0);
}

function outputFromFlags(flags: Flags): { output: string; extension: typeof EXTENSIONS[number] } {
  const output = flags.text("output");
  const known = EXTENSIONS.map((extension) => `.${extension}`).join(", ");
  if (output === undefined) throw new UsageError(`Cannot run without --output: name a file that ends in ${known}`);
  const extension = EXTENSIONS.find((extension) => output.endsWith(`.${extension}`));
  if (extension === undefined) throw new UsageError(`Cannot write --output ${output} as it must end in ${known}`);
  return { output, extension };
}

function recordOf(flag: string, text: string): RetentionRecord {
  try {
    return parseRetentionRecord(text);
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error} (--${flag})`);
  }
}
