import { assertEquals } from "@std/assert";
import { kvpressPrompt } from "kvmirror/eval";
import { evaluationGolden } from "../../fixtures/evaluation_golden.ts";
import { openCheckpoint } from "../../fixtures/golden.ts";

const { rows, prompts, bos_token } = evaluationGolden();

Deno.test("prompts are kvpress's, with a chat template and without, query-agnostic and query-aware", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  const { tokenizer } = model;
  const plain = { ...tokenizer, hasChatTemplate: false, bosToken: bos_token };
  rows.forEach((row, index) => {
    const same = ({ contextIds, questionIds }: ReturnType<typeof kvpressPrompt>, kind: keyof typeof prompts) =>
      assertEquals({ context_ids: contextIds, question_ids: questionIds }, prompts[kind][index], `${kind} ${index}`);
    same(kvpressPrompt(tokenizer, row), "chat");
    same(kvpressPrompt(tokenizer, row, "aware"), "chat_aware");
    same(kvpressPrompt(plain, row), "plain");
  });
});
