import { assert, assertEquals } from "@std/assert";
import { answerStudy, EarlierAnswers, factPrompt } from "kvmirror/eval";
import { policy } from "kvmirror/policies";
import { openCheckpoint } from "../../fixtures/golden.ts";

Deno.test("a draft is what most answers that began alike went on with; of equals the newer", () => {
  const answers = new EarlierAnswers();
  assertEquals(answers.draft([]), []);
  for (const ids of [[1, 2, 3], [1, 2, 4, 9], [1, 2, 3, 8], [7]]) answers.add(ids);
  assertEquals(answers.draft([]), [1, 2, 3, 8]);
  assertEquals(answers.draft([1, 2, 4]), [9]);
  assertEquals(answers.draft([7]), []);
  assertEquals(answers.draft([5]), []);
  answers.add([7]);
  assertEquals(answers.draft([]), [1, 2, 3, 8]);
  answers.add([7]);
  assertEquals(answers.draft([]), [7]);
});

Deno.test("a study with drafts gives the answers of one without, in fewer runs", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  const prompts = [factPrompt({ seed: 3, facts: 1, sentences: 6 })];
  const settings = ["streaming_llm", "snapkv", "random"].flatMap((name) =>
    [0.25, 0.5, 0.75].map((compressionRatio) => ({ policy: policy(name), compressionRatio }))
  );
  let runs = 0;
  const counted = (draft: "with" | "without") => ({
    prefill: model.prefill.bind(model),
    generate: (question: string, options: Parameters<typeof model.generate>[1] = {}) =>
      model.generate(question, draft === "with" ? options : { ...options, draft: undefined }),
  });
  const read = model.read.bind(model);
  model.read = (...args) => {
    runs++;
    return read(...args);
  };
  const plain = await answerStudy(counted("without"), prompts, settings);
  const plainRuns = runs;
  runs = 0;
  assertEquals(await answerStudy(counted("with"), prompts, settings), plain);
  assert(runs < plainRuns, `${runs} runs, ${plainRuns} without`);
});
