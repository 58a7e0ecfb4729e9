import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { mobyDick, recallPrompt } from "kvmirror/eval";
import { sentencesOf } from "../../../lib/eval/dataset/moby_dick.ts";

const words = (text: string) => text.trim().split(" ").length;

Deno.test("a prompt holds its facts once, is as long as asked and no longer, and is the same for the same seed", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("single", "multikey", "chain" as const),
      fc.integer({ min: 60, max: 600 }),
      fc.integer({ min: 1, max: 6 }),
      fc.nat(),
      (task, length, facts, seed) => {
        const options = { task: task as "single" | "multikey" | "chain", length, facts, seed };
        const prompt = recallPrompt(words, options);
        assertEquals(prompt, recallPrompt(words, options));
        assertEquals(prompt.facts.length, task === "single" ? 1 : facts);
        assert(words(prompt.text) <= length && words(prompt.text) > length - 60);
        for (const { sentence, answer, depth } of prompt.facts) {
          assertEquals(prompt.text.split(sentence).length, 2);
          assertEquals([answer.length, Number(answer) % 7], [5, 0]);
          assert(depth >= 0 && depth < 1 && prompt.text.startsWith(sentence, Math.round(depth * prompt.text.length)));
        }
      },
    ),
    { numRuns: 40 },
  );
});

Deno.test("a chain's second step follows its first and says no number", () => {
  for (let seed = 0; seed < 20; seed++) {
    const { text, facts } = recallPrompt(words, { task: "chain", length: 120, seed });
    for (const { sentence, answerPrefix } of facts) {
      const first = sentence.split(" = ")[0];
      const second = `${answerPrefix.replace("The value of ", "").replace(" is", "")} = ${first}.`;
      assert(text.indexOf(second) > text.indexOf(sentence), `${second} after ${sentence}`);
    }
  }
});

Deno.test("the haystack is the end of the book; facts that do not fit are one error", () => {
  const late = new Set(sentencesOf(mobyDick().slice(-20)));
  const { text, facts } = recallPrompt(words, { length: 100 });
  const rest = text.replace(facts[0].sentence, "").trim();
  assert([...late].some((sentence) => rest.startsWith(sentence)));
  assertThrows(() => recallPrompt(words, { length: 3 }), RangeError, "Cannot hide 1 sentences in 3 tokens");
  assertThrows(() => recallPrompt(words, { task: "multikey", facts: 0 }), RangeError, "from 1 to 64");
});
