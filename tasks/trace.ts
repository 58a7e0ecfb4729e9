/** `deno task trace`: records the attention that a model's newest queries pay to a prompt, to a file. */
import { captureTrace } from "kvmirror/engine";
import { parseFlags, printNotice, runTask, UsageError, writeAll } from "./cli.ts";
import { interruptSignal } from "./interrupt.ts";
import { MODEL_FLAGS, modelFromFlags } from "./model_flags.ts";
import { createProgress } from "./progress.ts";
import { requiredText } from "./text_flags.ts";
import { writeWhole } from "../lib/engine/write_whole.ts";

await runTask(async () => {
  const flags = parseFlags(Deno.args, {
    text: [...MODEL_FLAGS, "prompt-file", "output"],
    integer: ["max-new-tokens"],
  });
  const prompt = requiredText(flags, "prompt-file");
  const output = flags.text("output");
  if (output === undefined) throw new UsageError("Cannot trace without --output: name the file to write");
  const maxNewTokens = flags.number("max-new-tokens") ?? 16;
  if (maxNewTokens < 1) throw new UsageError(`Cannot generate ${maxNewTokens} tokens: --max-new-tokens is at least 1`);
  const signal = interruptSignal();
  await using model = await modelFromFlags(flags, signal);
  const progress = createProgress("trace");
  await writeWhole(output, async (file) => {
    const asJson = output.endsWith(".json");
    const { totals, text } = await captureTrace(model, prompt, {
      maxNewTokens,
      signal,
      onProgress: progress.update,
      ...(asJson ? {} : { write: (bytes: Uint8Array) => writeBytes(file, bytes) }),
    });
    if (asJson) writeAll(file, `${JSON.stringify(totals.summary(), null, 2)}\n`);
    progress.close();
    const { prompt_token_count, generated_token_count } = totals.summary();
    printNotice(`${prompt_token_count} prompt tokens, ${generated_token_count} steps: ${output}`);
    printNotice(`the model said ${JSON.stringify(text)}`);
  });
});

function writeBytes(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
}
