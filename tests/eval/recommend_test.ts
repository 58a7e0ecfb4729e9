import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { loadModel } from "kvmirror/engine";
import { ratioFor, recommend, taskRows } from "kvmirror/eval";

Deno.test("the ratio is the least that fits: never a row too many, 0 where all rows fit", () => {
  assertEquals(ratioFor(1000, 10, 100), 0);
  assertEquals(ratioFor(500, 10, 100), 0.5);
  for (const context of [7, 100, 1023, 4096]) {
    for (const rows of [1, 3, 64, 500].filter((count) => count < context)) {
      const kept = Math.floor(context * (1 - ratioFor(rows * 64 + 63, context, 64)));
      assert(kept <= rows && kept >= rows - 1 - context * 1e-4, `${kept} of ${rows} at ${context}`);
    }
  }
  assertThrows(() => ratioFor(99, 10, 100), RangeError, "as one token takes 100");
});

Deno.test("what is recommended was measured best, fits, and comes with the evidence", async () => {
  await using model = await loadModel("tiny");
  const rows = taskRows(model.tokenizer, "niah_single_2", { length: 512, samples: 3, seed: 3, maxNewTokens: 10 });
  const policies = ["random", "keydiff", "kvzip"];
  const found = await recommend(model, rows, { maxBytes: 300_000, context: 400, policies });
  assertEquals(found.evidence.map(({ positions }) => positions).toSorted(), [
    "compact",
    "logical",
    "logical",
    "logical",
    "logical",
  ]);
  assertEquals([found.evidence[0].policy, found.dtype, found.n], ["keep_all", "f32", 3]);
  const others = found.evidence.slice(1);
  assert(others.every(({ score, kl }) => score < found.score || score === found.score && kl >= found.kl));
  assert(found.policy !== "random" && !found.as_good.includes("random"), found.policy);
  assert(found.live_bytes < found.evidence[0].live_bytes * (1 - found.compression_ratio) * 1.01);
  assert(found.ms_per_token > 0 && found.full_ms_per_token > 0);
});

Deno.test("where all fits nothing is evicted; what cannot be chosen is refused", async () => {
  await using model = await loadModel("tiny");
  const rows = taskRows(model.tokenizer, "niah_single_2", { length: 512, samples: 1, seed: 3, maxNewTokens: 4 });
  const found = await recommend(model, rows, { maxBytes: 1e9, context: 512, policies: ["knorm"] });
  assertEquals([found.policy, found.compression_ratio, found.evidence.length], ["keep_all", 0, 1]);
  await assertRejects(() => recommend(model, rows, { maxBytes: 1e9, context: 512, policies: [] }), RangeError);
  await assertRejects(
    () =>
      recommend(model, rows, {
        maxBytes: 100_000,
        context: 512,
        policies: ["random(seed=1)"].map(() => "h2o(decay=0.5)"),
      }),
    RangeError,
    "as each failed",
  );
});
