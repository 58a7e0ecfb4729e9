/** `deno task compress`: reads a context raw, evicts, reads a question raw; shows what is left and what comes next. */
import { logProbabilities, usageByLayer } from "kvmirror";
import { cacheDtypeName, cacheUsage, encodeStart, prefillRecordings, tokenTexts } from "kvmirror/engine";
import { evictionFromFlags } from "./cli/cache_flags.ts";
import { requiredText, textFromFlag } from "./cli/flags.ts";
import { modelFromFlags } from "./cli/model_flags.ts";
import { interruptSignal } from "./cli/interrupt.ts";
import { policiesOfFiles } from "./cli/policy_file.ts";
import { createProgress } from "./cli/progress.ts";
import { printJson, printNotice, printText } from "./cli/print.ts";
import { runTask } from "./cli/run_task.ts";

/** Most likely next tokens that are shown. */
const TOP = 5;

await runTask("compress", async (flags) => {
  const eviction = evictionFromFlags(flags, await policiesOfFiles(flags.text("policy")));
  const prompt = requiredText(flags, "prompt-file");
  const question = textFromFlag(flags, "question-file");
  const signal = await interruptSignal();
  await using model = await modelFromFlags(flags, signal);
  const contextIds = encodeStart(model.tokenizer, prompt);
  const promptTokens = contextIds.length;
  // Without a question, the context's last token is what the next one follows: it is read after the eviction.
  const questionIds = question === undefined ? contextIds.splice(-1) : model.tokenizer.encode(question);
  const progress = createProgress("prefill");
  const cache = model.createCache(prefillRecordings(eviction.policy.signals));
  await model.read(cache, contextIds, { logitsOf: "none", signal, onProgress: progress.update });
  progress.close();
  const achieved = await eviction.apply(cache, { signal, onNotice: printNotice });
  const { liveBytes, fullBytes } = cache;
  const kept = cache.keptPositions().map((heads) => heads.map((positions) => [...positions]));
  const usage = cacheUsage(cache);
  let top = { ids: [] as number[], logprobs: [] as number[] };
  let steps = 0;
  const answering = createProgress("tokens");
  const { ids, text } = await model.generateFrom(questionIds, {
    cache,
    maxNewTokens: eviction.maxNewTokens,
    ignoreEos: true,
    signal,
    onLogits: (logits) => {
      if (steps === 0) top = likeliestTokens(logits);
      answering.update(++steps, eviction.maxNewTokens);
    },
  });
  answering.close();
  if (flags.toggle("json")) {
    printJson({
      prompt_tokens: promptTokens,
      kept,
      live_bytes: liveBytes,
      full_bytes: fullBytes,
      top,
      ids,
      text,
      policy: eviction.policy.name,
      compression_ratio: eviction.compressionRatio,
      achieved_ratio: achieved,
      cache_dtype: cacheDtypeName(cache.cacheDtype),
      model: model.origin.name,
      weights: model.origin.weights,
      // Of what the eviction chose from: without a question, the prompt's last token was read after it.
      tokens: tokenTexts(model.tokenizer, contextIds),
      usage: usage.heads,
    });
    return;
  }
  printText(
    `${eviction.policy.name} kept ${liveBytes} of ${fullBytes} bytes (${promptTokens} prompt tokens), ` +
      `compression ratio ${achieved.toFixed(3)}`,
  );
  for (const { layer, dtype, rows, fewest_rows, most_rows, live_bytes } of usageByLayer([usage])) {
    printText(
      `layer ${layer}: ${rows} rows, ${fewest_rows} to ${most_rows} a kv head, ${live_bytes} bytes in ${dtype}`,
    );
  }
  top.ids.forEach((id, rank) => {
    const token = JSON.stringify(model.tokenizer.decode([id]));
    printText(`${rank + 1}. ${token}  log-probability ${top.logprobs[rank].toFixed(4)}`);
  });
  printText(`continues: ${JSON.stringify(text)}`);
});

function likeliestTokens(logits: Float32Array): { ids: number[]; logprobs: number[] } {
  const logprobs = logProbabilities(logits);
  const ids = [...logprobs.keys()].sort((a, b) => logprobs[b] - logprobs[a] || a - b).slice(0, TOP);
  return { ids, logprobs: ids.map((id) => logprobs[id]) };
}
