import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { factPrompt, factRow, parseDatasetRows } from "kvmirror/eval";

Deno.test("a prompt's fact becomes a row that a dataset could hold", () => {
  const prompt = factPrompt({ seed: 3 });
  const row = factRow("codes", prompt, 2);
  assertEquals(row.answer, [prompt.facts[2].answer]);
  assertStringIncludes(row.context, prompt.facts[2].answer);
  assertStringIncludes(row.question, prompt.facts[2].question);
  assertStringIncludes(row.answer_prefix, prompt.facts[2].answerPrefix);
  assertEquals(parseDatasetRows(JSON.stringify(row), "rows.jsonl"), [row]);
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
