import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { loadModel } from "kvmirror/engine";
import { policy } from "kvmirror/policies";
import { filterResponses } from "../../../lib/engine/observe/query_filters.ts";
import { QueryFiltersFit } from "../../../lib/engine/observe/query_filters_fit.ts";
import { uniformRotary } from "../../fixtures/uniform_rotary.ts";

const CONFIG = { numHiddenLayers: 2, numAttentionHeads: 4, numKeyValueHeads: 2, headDim: 4 };
const STILL = uniformRotary(2, [0, 0]);

/** Queries of 200 tokens along one direction a query head, with noise across it; keys are of no account. */
function queriesAlong(directions: readonly (readonly number[])[]): Float32Array {
  const width = 6 * 4;
  const values = new Float32Array(200 * width);
  for (let token = 0; token < 200; token++) {
    directions.forEach((direction, head) => {
      const length = 2 + Math.sin(token);
      direction.forEach((value, dim) => {
        values[token * width + head * 4 + dim] = length * value + 0.01 * Math.cos(token * (dim + 1));
      });
    });
  }
  return values;
}

Deno.test("a filter is against the mean of its query heads' directions", () => {
  const fit = new QueryFiltersFit(CONFIG);
  const [right, up, left] = [[1, 0, 0, 0], [0, 1, 0, 0], [-1, 0, 0, 0]];
  fit.add([queriesAlong([right, up, left, left]), queriesAlong([up, up, right, left])], STILL);
  const { q_filters: filters } = fit.solve();
  const expected = [-0.5, -0.5, 0, 0, 1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 0, 0];
  assertEquals(filters.length, expected.length);
  expected.forEach((value, at) => assertAlmostEquals(filters[at], value, 0.02));
  assertEquals(fit.tokens, 196);
});

Deno.test("queries are turned by their positions before they are added up", () => {
  const halfTurn = uniformRotary(2, [Math.PI, 0]);
  const fit = new QueryFiltersFit(CONFIG);
  // Dimension 0 turns by half a turn a token: the direction stays, its signs take turns and leave nearly no sum.
  const diagonal = [0.6, 0.8, 0, 0];
  const layer = queriesAlong([diagonal, diagonal, diagonal, diagonal]);
  fit.add([layer, layer], halfTurn);
  const { q_filters: filters } = fit.solve();
  assertAlmostEquals(Math.abs(filters[1]), 1, 0.02);
  assertAlmostEquals(filters[0], 0, 0.1);
});

Deno.test("nothing is fitted to nothing", () => {
  assertThrows(() => new QueryFiltersFit(CONFIG).solve(), RangeError, "Cannot fit query filters to no tokens");
});

Deno.test("a response is minus the key's product with its own head's filter", () => {
  const model = { layerCount: 1, kvHeadCount: 2, headDim: 2 };
  const filters = { q_filters: Float32Array.of(1, 2, -1, 0) };
  const keys = [Float32Array.of(1, 1, 0, 3), Float32Array.of(5, 7)];
  assertEquals(filterResponses(filters, model, keys), [Float32Array.of(-3, -6), Float32Array.of(5)]);
});

Deno.test("a cache is looked at for qfilter, and an eviction keeps the highest responses", async () => {
  await using model = await loadModel("tiny");
  using cache = await model.prefill("The heron stood in the reeds. ".repeat(12));
  const own = policy("qfilter");
  assertThrows(() => cache.compress(own, { compressionRatio: 0.5 }), TypeError, "needs filterResponse");
  await cache.observe(own);
  const [{ heads: [head] }] = cache.layers();
  const responses = [...head.signal("filterResponse")];
  const wanted = responses.toSorted((a, b) => b - a).slice(0, responses.length - Math.floor(responses.length / 2));
  cache.compress(own, { compressionRatio: 0.5 });
  const kept = [...cache.layers()[0].heads[0].signal("filterResponse")];
  assert(kept.length > 10 && kept.every((response) => response >= wanted.at(-1)!), `${kept}`);
});
