import { assert, assertEquals } from "@std/assert";
import { budgetForRatio, policy } from "kvmirror/policies";
import golden from "../goldens/head_reach.json" with { type: "json" };
import { defaultFrequencies } from "../../lib/numeric/rotary.ts";
import { headReach, reachTurns } from "../../lib/policies/duo_attention.ts";
import { syntheticCache } from "../fixtures/synthetic_cache.ts";

const turns = reachTurns(defaultFrequencies(golden.head_dim, golden.rope_theta));

Deno.test("a head's reach is kvpress's", () => {
  let worst = 0;
  const seen: number[] = [];
  for (const { queries, keys, reach } of golden.layers) {
    const groupSize = queries.length / keys.length;
    keys.forEach((key, kvHead) => {
      const group = queries.slice(kvHead * groupSize, (kvHead + 1) * groupSize);
      const moments = Float32Array.from(group.flatMap((mean) => [...mean, ...new Array(golden.head_dim ** 2).fill(0)]));
      const own = headReach(moments, Float32Array.from(key), { turns, headDim: golden.head_dim, groupSize });
      worst = Math.max(worst, Math.abs(own - reach[kvHead]));
      seen.push(own);
    });
  }
  console.log(`largest difference ${worst.toExponential(1)}, reaches ${seen.map((reach) => reach.toFixed(3))}`);
  assert(worst < 1e-5, `${worst}`);
});

Deno.test("a query like its key looks near; one that is 0 looks everywhere alike", () => {
  const [headDim, groupSize] = [8, 1];
  const model = { turns: reachTurns(defaultFrequencies(headDim, 100)), headDim, groupSize };
  const moments = (value: number) => Float32Array.from({ length: headDim + headDim ** 2 }, () => value);
  const key = new Float32Array(headDim).fill(3);
  const [near, everywhere] = [moments(3), moments(0)].map((own) => headReach(own, key, model));
  assert(Math.abs(everywhere - 0.501) < 1e-9, `${everywhere}`);
  assert(near < 0.25, `${near}`);
});

Deno.test("the farthest heads keep all rows, the others sinks and the newest, and the budget is met", () => {
  const cache = syntheticCache(200);
  const chooser = policy("duo_attention", { recentTokens: 16 });
  const choice = chooser.choose(cache.layers(), budgetForRatio(200, 0.5));
  const counts = choice.flatMap((heads) => heads.map(({ rows }) => rows.length));
  assertEquals(counts.reduce((sum, count) => sum + count, 0), 600);
  assertEquals(counts.filter((count) => count === 200).length, 2);
  assertEquals(counts.filter((count) => count === 20).length, 3);
  const near = choice.flat().find(({ rows }) => rows.length === 20)!;
  assertEquals([...near.rows], [0, 1, 2, 3, ...Array.from({ length: 16 }, (_, row) => 184 + row)]);
});

Deno.test("a budget below what streaming heads keep leaves every head its part", () => {
  const cache = syntheticCache(200);
  const choice = policy("duo_attention").choose(cache.layers(), budgetForRatio(200, 0.9));
  assertEquals(choice.flatMap((heads) => heads.map(({ rows }) => rows.length)), new Array(6).fill(19));
});
