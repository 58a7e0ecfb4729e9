import { defaultFrequencies } from "../../lib/numeric/rotary.ts";
import { uniformRotary } from "../fixtures/uniform_rotary.ts";
import { assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import { budgetForRatio, definePolicy, type Layer, policy } from "kvmirror/policies";
import { scoreOnce } from "../../lib/policies/score_once.ts";

const model = { layerCount: 1, headDim: 2, groupSize: 1, rotary: uniformRotary(1, defaultFrequencies(2, 1e4)) };

function layerOf(keys: readonly number[]): Layer {
  const positions = Int32Array.from({ length: keys.length / 2 }, (_, row) => row);
  return { index: 0, model, heads: [{ positions, signal: () => Float32Array.from(keys) }] };
}

Deno.test("a layer is scored once, another one again, and the rows are the policy's own", () => {
  let scored = 0;
  const plain = policy("knorm");
  const once = scoreOnce(definePolicy({
    ...plain.definition!,
    score: (layer) => {
      scored++;
      return plain.definition!.score(layer, budgetForRatio(4, 0.5));
    },
  }));
  const [one, other] = [layerOf([3, 0, 1, 0, 2, 0, 4, 0]), layerOf([1, 0, 2, 0, 3, 0, 4, 0])];
  for (const ratio of [0.25, 0.5, 0.75]) {
    for (const layer of [one, other]) {
      const budget = budgetForRatio(4, ratio);
      assertEquals(once.choose([layer], budget), plain.choose([layer], budget));
    }
  }
  assertEquals(scored, 2);
});

Deno.test("a policy whose scores read the budget is left alone, and so is one that ranks tokens", () => {
  for (const name of ["h2o", "criticalkv(snapkv)", "hybrid"]) {
    const own = policy(name);
    assertStrictEquals(scoreOnce(own), own, name);
  }
  const own = policy("adakv(keydiff)");
  assertNotEquals(scoreOnce(own), own);
});
