import { assertEquals, assertThrows } from "@std/assert";
import { budgetForRatio, definePolicy, eachHead, type PolicyDefinition } from "kvmirror/policies";
import { syntheticCache } from "../fixtures/synthetic_cache.ts";

const byPosition: PolicyDefinition = {
  name: "newest",
  signals: [],
  score: eachHead(({ positions }) => Float32Array.from(positions)),
};

function chosen(definition: PolicyDefinition, ratio: number, length = 10): number[][] {
  const layers = syntheticCache(length).layers();
  return definePolicy(definition).choose(layers, budgetForRatio(length, ratio)).flat().map(({ rows }) => [...rows]);
}

Deno.test("the highest scores stay, and protected rows before them", () => {
  assertEquals(chosen(byPosition, 0.7)[0], [7, 8, 9]);
  assertEquals(chosen({ ...byPosition, protect: { sinks: 2 } }, 0.7)[0], [0, 1, 9]);
  assertEquals(
    chosen({
      ...byPosition,
      score: eachHead(({ positions }) => Float32Array.from(positions, (p) => -p)),
      protect: { recent: 1 },
    }, 0.7)[0],
    [0, 1, 9],
  );
});

Deno.test("protected rows are raised to the layer's maximum + 1, which a wrapper can read", () => {
  let seen: number[] = [];
  chosen({
    ...byPosition,
    protect: { sinks: 1 },
    allocate: (scores, budget, layers) => {
      seen = [...scores[0][0]];
      return layers.map(({ heads }) => Uint32Array.from(heads, () => budget.rows));
    },
  }, 0.5);
  assertEquals(seen, [10, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

Deno.test("allocate shares rows out over heads and layers; select picks them", () => {
  const rows = chosen({
    ...byPosition,
    allocate: (_, __, layers) => layers.map(({ index }) => Uint32Array.of(1, 2, 3 + index)),
    select: (_, counts) => [...counts].map((count) => Uint32Array.from({ length: count }, (_, row) => row)),
  }, 0.5);
  assertEquals(rows, [[0], [0, 1], [0, 1, 2], [0], [0, 1], [0, 1, 2, 3]]);
});

Deno.test("at ratio 0 nothing is touched and nothing scored", () => {
  assertEquals(chosen({ ...byPosition, score: () => [] }, 0)[0].length, 10);
});

Deno.test("scores of the wrong length or NaN are refused; policy, layer, head and row are named", () => {
  const nan = eachHead(({ positions }) => Float32Array.from(positions, (position) => position === 3 ? NaN : 0));
  assertThrows(
    () => chosen({ ...byPosition, score: nan }, 0.5),
    RangeError,
    "score of row 3 is NaN: policy newest, layer 0, kv head 0",
  );
  assertThrows(() => chosen({ ...byPosition, score: () => [] }, 0.5), RangeError, "by 0 scores as there are 10 rows");
});
