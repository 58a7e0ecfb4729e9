/** `deno task generate`: opens a user's turn with a prompt, evicts, closes it with a question, and answers. */
import { cacheDtypeName, prefillRecordings } from "kvmirror/engine";
import { boundFromFlags, draftFromFlags, evictionFromFlags } from "./cli/cache_flags.ts";
import { requiredText, textFromFlag } from "./cli/flags.ts";
import { modelFromFlags, templateFromFlags, userTokensFromFlags } from "./cli/model_flags.ts";
import { interruptSignal } from "./cli/interrupt.ts";
import { policiesOfFiles } from "./cli/policy_file.ts";
import { createProgress } from "./cli/progress.ts";
import { printForPeople, printJson, printNotice, printText } from "./cli/print.ts";
import { runTask } from "./cli/run_task.ts";
import { UsageError } from "./cli/usage_error.ts";

await runTask("generate", async (flags) => {
  const eviction = evictionFromFlags(flags, await policiesOfFiles(flags.text("policy")));
  const bound = boundFromFlags(flags, eviction);
  const draft = draftFromFlags(flags, eviction, bound);
  const prompt = requiredText(flags, "prompt-file");
  if (flags.text("question") !== undefined && flags.text("question-file") !== undefined) {
    throw new UsageError("Cannot ask two questions: give --question or --question-file");
  }
  const question = flags.text("question") ?? textFromFlag(flags, "question-file") ?? "";
  const [template, specialTokens] = [templateFromFlags(flags), userTokensFromFlags(flags)];
  if (template === "none" && question === "") {
    throw new UsageError(
      "Cannot answer nothing with --template none: give --question, the text that follows the prompt",
    );
  }
  if (template === "none" && flags.given("special-tokens")) {
    throw new UsageError(
      "Cannot use --special-tokens with --template none as texts are read as they are: leave out one",
    );
  }
  const signal = await interruptSignal();
  await using model = await modelFromFlags(flags, signal);
  const progress = createProgress("prefill");
  const recordings = prefillRecordings(eviction.policy.signals);
  const read = {
    template,
    specialTokens,
    recordings,
    bound,
    cacheDtype: bound && eviction.cacheDtype,
    signal,
    onProgress: progress.update,
    onNotice: printNotice,
  };
  const cache = await model.prefill(prompt, read);
  progress.close();
  const promptTokens = cache.tokenCount;
  const achieved = bound === undefined ? await eviction.apply(cache, { signal, onNotice: printNotice }) : null;
  const { liveBytes, fullBytes, allocatedBytes } = cache;
  const json = flags.toggle("json");
  const ids: number[] = [];
  let text = "";
  const { maxNewTokens } = eviction;
  const answer = { cache, template, specialTokens, bound, draft, maxNewTokens, signal, onNotice: printNotice };
  const generation = model.generate(question, answer);
  const answering = createProgress("answer, tokens at most");
  for await (const token of generation) {
    ids.push(token.id);
    text += token.text;
    if (json) answering.update(ids.length, maxNewTokens);
    else printForPeople(Deno.stdout, token.text);
  }
  answering.close();
  if (json) {
    printJson({
      text,
      ids,
      finish_reason: generation.finishReason,
      prompt_tokens: promptTokens,
      live_bytes: liveBytes,
      full_bytes: fullBytes,
      allocated_bytes: allocatedBytes,
      policy: eviction.policy.name,
      compression_ratio: eviction.compressionRatio,
      achieved_ratio: achieved,
      positions: eviction.positions,
      cache_dtype: cacheDtypeName(cache.cacheDtype),
      model: model.origin.name,
      weights: model.origin.weights,
    });
    return;
  }
  printText("");
  const ratio = achieved === null ? "" : `, compression ratio ${achieved.toFixed(3)}`;
  printNotice(
    `${eviction.policy.name} kept ${liveBytes} of ${fullBytes} bytes (${promptTokens} prompt tokens)${ratio}`,
  );
});
