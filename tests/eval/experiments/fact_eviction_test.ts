import { assert, assertEquals, assertRejects } from "@std/assert";
import { loadModel } from "kvmirror/engine";
import { recallPrompt, settingComparisons } from "kvmirror/eval";
import { FACT_EVICTION_POLICIES, factEviction } from "../../../lib/eval/experiments/fact_eviction.ts";

Deno.test("the embedded model answers from the fact's own rows: without them it is lost, without others it is not", async () => {
  await using model = await loadModel("tiny");
  const countTokens = (text: string) => model.tokenizer.encode(text).length;
  const prompts = Array.from(
    { length: 20 },
    (_, seed) => recallPrompt(countTokens, { task: "multikey", length: 256, seed }),
  );
  const answers = await factEviction(model, prompts);
  assertEquals(answers.map(({ context }) => context), prompts.flatMap((_, index) => [index, index, index]));
  const [full, without, others] = settingComparisons(answers);
  assertEquals([full.policy, without.policy, others.policy], [...FACT_EVICTION_POLICIES]);
  assert(full.score >= 0.9 && without.score <= 0.05 && others.score >= 0.9 * full.score, JSON.stringify(answers));
  for (let context = 0; context < prompts.length; context++) {
    const [{ live_bytes: most }, { live_bytes: own }, { live_bytes: other }] = answers.slice(3 * context);
    assert(own === other && own < most);
  }
  const [{ facts: [fact] }] = prompts;
  await assertRejects(
    () => factEviction(model, [{ text: fact.sentence, facts: [fact] }]),
    RangeError,
    "other tokens as the text has",
  );
});
