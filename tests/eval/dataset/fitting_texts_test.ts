import { assert, assertEquals, assertThrows } from "@std/assert";
import { checkNoOverlap, fittingTexts, scoredTexts } from "kvmirror/eval";
import { generateRows, TASK_NAMES } from "../../../lib/eval/dataset/tasks/generate_rows.ts";

const BOTH = [{ name: "speeches" }, { name: "code" }];

/** A token a word, as a tokenizer without a vocabulary. */
const tokenizer = { encode: (text: string) => text.split(/\s+/).map((_, index) => index) };

Deno.test("passages fill the length, differ, are the same for a seed, and share nothing with any task", () => {
  const options = { length: 300, samples: 3 };
  const texts = fittingTexts(tokenizer, BOTH, options);
  assertEquals(texts, fittingTexts(tokenizer, BOTH, options));
  assertEquals(new Set([...texts, ...fittingTexts(tokenizer, BOTH, { ...options, seed: 7 })]).size, 12);
  for (const text of texts) {
    const tokens = tokenizer.encode(text).length;
    assert(tokens > 270 && tokens <= 300, `${tokens}`);
  }
  const countTokens = ({ context }: { context: string }) => Math.ceil(1.4 * context.split(/\s/).length);
  const asked = TASK_NAMES.flatMap((task) => generateRows(task, { length: 1500, samples: 2, countTokens }));
  checkNoOverlap(texts, [...scoredTexts(), ...asked.map(({ context, question }) => context + question)]);
});

Deno.test("a text that is scored, or in part, is refused", () => {
  const [novel] = fittingTexts(tokenizer, [{ name: "novel" }], { length: 200, samples: 1 });
  const [speech] = fittingTexts(tokenizer, [{ name: "speeches" }], { length: 200, samples: 1 });
  const tenth = novel.split(" ").slice(0, 20).join(" ");
  for (const text of [novel, `${speech} ${tenth}`]) {
    assertThrows(() => checkNoOverlap([speech, text], scoredTexts()), RangeError, "Cannot fit to text 2 as it shares");
  }
});

Deno.test("a user's own text gives passages; an empty one is refused by its name", () => {
  const [own] = fittingTexts(tokenizer, [{ name: "mine.txt", text: "One day it rained. Then it did not." }], {
    length: 6,
    samples: 1,
  });
  assert(own.startsWith("One day") || own.startsWith("Then it"), own);
  assertThrows(
    () => fittingTexts(tokenizer, [{ name: "mine.txt", text: " \n" }]),
    RangeError,
    "Cannot fit to mine.txt as it holds 0 words",
  );
});

Deno.test("a text gives as many passages as its source says, and else as many as the others", () => {
  const [speeches, code] = BOTH;
  const texts = fittingTexts(tokenizer, [{ ...speeches, samples: 3 }, code], { length: 60, samples: 1 });
  assertEquals(texts.length, 4);
  assertEquals(texts.slice(0, 3), fittingTexts(tokenizer, [speeches], { length: 60, samples: 3 }));
  assertThrows(
    () => fittingTexts(tokenizer, [{ ...speeches, samples: 0 }]),
    RangeError,
    "Cannot fit to 0 passages of speeches as it must be 1 or more",
  );
});
