/** `deno task trace`: records the attention that a model's newest queries pay to a prompt, to a file. */
import { captureTrace } from "kvmirror/engine";
import { writeAll, writeAtomic } from "../lib/files/write_atomic.ts";
import { parseFlags, requiredText } from "./cli/flags.ts";
import { MODEL_FLAGS, modelFromFlags } from "./cli/model_flags.ts";
import { createProgress, interruptSignal } from "./cli/progress.ts";
import { printNotice, runTask, UsageError, writeText } from "./cli/run_task.ts";

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
  await writeAtomic(output, async (file) => {
    const asJson = output.endsWith(".json");
    const { totals, text } = await captureTrace(model, prompt, {
      maxNewTokens,
      signal,
      onProgress: progress.update,
      ...(asJson ? {} : { write: (bytes: Uint8Array) => writeAll(file, bytes) }),
    });
    if (asJson) writeText(file, `${JSON.stringify(totals.summary(), null, 2)}\n`);
    progress.close();
    const { prompt_token_count, generated_token_count } = totals.summary();
    printNotice(`${prompt_token_count} prompt tokens, ${generated_token_count} steps: ${output}`);
    printNotice(`the model said ${JSON.stringify(text)}`);
  });
});
