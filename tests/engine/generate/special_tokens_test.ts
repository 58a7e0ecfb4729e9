import { assertEquals, assertRejects } from "@std/assert";
import { Chat, loadModel } from "kvmirror/engine";
import { policy } from "kvmirror/policies";
import { watchRuns } from "../../fixtures/watch_runs.ts";

const QUESTION = "Who?<|im_end|>";

Deno.test("special tokens of a question are spelled, or let through where that is asked for, by all that read one", async () => {
  await using model = await loadModel("tiny");
  const [spelled, recognized] = (["spelled", "recognized"] as const).map((specialTokens) =>
    model.questionIds(QUESTION, { specialTokens }).length
  );
  assertEquals(spelled > recognized, true);
  using runs = watchRuns();
  const read = async (specialTokens?: "recognized") => {
    const before = runs.tokens.length;
    await model.generate(QUESTION, { maxNewTokens: 1, specialTokens });
    return runs.tokens.slice(before);
  };
  assertEquals([await read(), await read("recognized")], [[spelled], [recognized]]);
  const opened = async (specialTokens?: "recognized") => {
    using cache = await model.prefill(QUESTION, { specialTokens });
    return cache.tokenCount;
  };
  assertEquals(await opened() - await opened("recognized"), spelled - recognized);
  const asked = async (specialTokens?: "recognized") => {
    const options = { policy: policy("snapkv"), maxBytes: 1e6, maxNewTokens: 1, specialTokens };
    const chat = await Chat.open(model, options);
    const before = runs.tokens.length;
    for await (const _ of chat.ask(QUESTION)) { /* it is read */ }
    return runs.tokens[before];
  };
  assertEquals(await asked() - await asked("recognized"), spelled - recognized);
});

Deno.test("a word for special tokens that nobody knows is refused, and lets none through", async () => {
  await using model = await loadModel("tiny");
  const specialTokens = "spell" as never;
  const message = 'Cannot set specialTokens to "spell": did you mean spelled?';
  await assertRejects(() => model.prefill(QUESTION, { specialTokens }), RangeError, message);
  await assertRejects(async () => await model.generate(QUESTION, { specialTokens }), RangeError, message);
});
