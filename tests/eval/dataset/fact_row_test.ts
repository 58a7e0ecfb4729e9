import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { factPrompt, factRow, factRows, kvpressPrompt, parseDatasetRows } from "kvmirror/eval";
import { openCheckpoint } from "../../fixtures/golden.ts";

Deno.test("a prompt's fact becomes a row that a dataset could hold", () => {
  const prompt = factPrompt({ seed: 3 });
  const row = factRow("codes", prompt, 2);
  assertEquals(row.answer, [prompt.facts[2].answer]);
  assertStringIncludes(row.context, prompt.facts[2].answer);
  assertStringIncludes(row.question, prompt.facts[2].question);
  assertStringIncludes(row.answer_prefix, prompt.facts[2].answerPrefix);
  assertEquals(parseDatasetRows(JSON.stringify(row), "rows.jsonl"), [row]);
});

Deno.test("without a template nothing stands before or between the texts, whether the question is known or not", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  const { tokenizer } = model;
  const prompt = factPrompt({ seed: 3 });
  const [fact] = prompt.facts;
  const row = factRow("codes", prompt, 0, { template: "none", maxNewTokens: 5 });
  assertEquals([row.max_new_tokens, parseDatasetRows(JSON.stringify(row), "f")[0]], [5, row]);
  const asked = `\n\nQuestion: ${fact.question}\nAnswer:`;
  assertEquals(kvpressPrompt(tokenizer, row), {
    openingTokens: 0,
    contextIds: tokenizer.encode(prompt.text),
    questionIds: tokenizer.encode(`${asked} ${fact.answerPrefix}`),
  });
  assertEquals(kvpressPrompt(tokenizer, row, "aware"), {
    openingTokens: 0,
    contextIds: tokenizer.encode(prompt.text + asked),
    questionIds: tokenizer.encode(` ${fact.answerPrefix}`),
  });
});

Deno.test("prompts are asked for their facts in turn", () => {
  const prompts = Array.from({ length: 5 }, (_, seed) => factPrompt({ seed, facts: 2 }));
  const asked = factRows("codes", prompts).map(({ answer: [answer] }, index) => (
    prompts[index].facts.findIndex((fact) => fact.answer === answer)
  ));
  assertEquals(asked, [0, 1, 0, 1, 0]);
});

Deno.test("a fact that is not there is refused", () => {
  for (const index of [4, -1]) {
    assertThrows(
      () => factRow("codes", factPrompt({ seed: 3 }), index),
      RangeError,
      `Cannot ask for fact ${index} as the prompt has 4`,
    );
  }
});
