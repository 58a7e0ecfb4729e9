import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { promptLookup } from "kvmirror/engine";
import { openCheckpoint } from "../../fixtures/golden.ts";
import { watchRuns } from "../../fixtures/watch_runs.ts";

Deno.test("the longest run of newest tokens is looked for, the latest place first", () => {
  const draft = promptLookup();
  const before = [1, 2, 3, 10, 11, 2, 3, 20, 21, 9];
  assertEquals(draft([2, 3], before), [20, 21, 9, 2, 3]);
  assertEquals(draft([1, 2, 3], before), [10, 11, 2, 3, 20, 21, 9, 1]);
  assertEquals(draft([3], before), []);
  assertEquals(promptLookup({ shortest: 1, length: 1 })([3], before), [20]);
  assertEquals(draft([], [7, 8, 5, 7, 8]), [5, 7, 8]);
  assertEquals(draft([], []), []);
});

Deno.test("a draft is a piece of the text that follows what was looked for", () => {
  const token = fc.integer({ min: 0, max: 3 });
  fc.assert(fc.property(fc.array(token), fc.array(token), (before, generated) => {
    const text = [...before, ...generated];
    const drafted = promptLookup({ length: 4 })(generated, before);
    if (drafted.length === 0) return;
    const sought = [...text.slice(-2), ...drafted].join();
    assert(text.some((_, start) => text.slice(start, start + 2 + drafted.length).join() === sought));
  }));
});

Deno.test("numbers that cannot be are refused", () => {
  assertThrows(() => promptLookup({ longest: 1 }), RangeError, "Cannot look up with longest 1");
  assertThrows(
    () => promptLookup({ shortest: 0 }),
    RangeError,
    "shortest 0 as it must be a whole number of at least 1",
  );
  assertThrows(() => promptLookup({ length: 0.5 }), RangeError, "length 0.5");
});

Deno.test("the answer is the one without it, in fewer runs where it repeats itself", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  using runs = watchRuns();
  const options = { maxNewTokens: 60, ignoreEos: true, template: "none" } as const;
  const text = "The mill stands by the river. The mill stands by the river. The mill";
  const { ids } = await model.generate(text, options);
  const plain = runs.tokens.length;
  assertEquals((await model.generate(text, { ...options, draft: promptLookup() })).ids, ids);
  const drafted = runs.tokens.length - plain;
  assert(drafted > 0 && drafted < plain, `${drafted} runs, ${plain} without`);
});
