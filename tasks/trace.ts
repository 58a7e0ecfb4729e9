/** `deno task trace`: records the attention that a model's newest queries pay to a prompt, to a file. */
import { captureTrace } from "kvmirror/engine";
import { writeAll, writeAtomic } from "../lib/files/write_atomic.ts";
import { maxNewTokensFromFlags } from "./cli/cache_flags.ts";
import { requiredText } from "./cli/flags.ts";
import { modelFromFlags } from "./cli/model_flags.ts";
import { interruptSignal } from "./cli/interrupt.ts";
import { createProgress } from "./cli/progress.ts";
import { printNotice, writeText } from "./cli/print.ts";
import { runTask } from "./cli/run_task.ts";
import { UsageError } from "./cli/usage_error.ts";

await runTask("trace", async (flags) => {
  const prompt = requiredText(flags, "prompt-file");
  const output = flags.text("output");
  if (output === undefined) throw new UsageError("Cannot trace without --output: name the file to write");
  const maxNewTokens = maxNewTokensFromFlags(flags);
  const signal = await interruptSignal();
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
