import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { policyChoice, type ScoredSample } from "kvmirror/eval";

function samples(policy: string, scores: readonly number[], compression_ratio = 0.5): ScoredSample[] {
  const measures = { task: "a", kl: [0], agreement: [1], answer_tokens: 1, live_bytes: 1 };
  return scores.map((score, index) => ({ policy, compression_ratio, index, context: index, score, ...measures }));
}

const GOOD = [1, 1, 1, 1, 1, 1, 0, 1];
const POOR = [0, 0, 1, 0, 1, 0, 0, 0];

Deno.test("the best comes first, and is sure where others are worse on nearly every context", () => {
  const [first, second] = policyChoice([...samples("poor", POOR), ...samples("good", GOOD)], 0.5, ["poor", "good"]);
  assertEquals([first.policy, first.score, first.gap_to_best, first.n], ["good", 7 / 8, 0, 8]);
  assertEquals([second.policy, second.gap_to_best], ["poor", 5 / 8]);
  assert(first.p_best > 0.98 && second.gap_to_best_low > 0, JSON.stringify([first, second]));
  assertAlmostEquals(first.p_best + second.p_best, 1);
});

Deno.test("twins share the choice, and neither is behind", () => {
  const twins = policyChoice([...samples("one", GOOD), ...samples("two", GOOD)], 0.5, ["one", "two"]);
  assertEquals(twins.map(({ gap_to_best_high }) => gap_to_best_high), [0, 0]);
  for (const { p_best } of twins) assertAlmostEquals(p_best, 0.5);
});

Deno.test("only rows that all answered count, at one ratio", () => {
  const some = [...samples("one", GOOD), ...samples("two", GOOD.slice(0, 3)), ...samples("one", POOR, 0.75)];
  assertEquals(policyChoice(some, 0.5, ["one", "two"])[0].n, 3);
  assertThrows(() => policyChoice(some, 0.75, ["one", "two"]), RangeError, "as no row has all of them");
});
