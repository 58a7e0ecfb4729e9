import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { predictReconstruction } from "../../../lib/engine/observe/kvzap.ts";
import { KvzapFit } from "../../../lib/engine/observe/kvzap_fit.ts";

const MODEL = { layerCount: 2, kvHeadCount: 2, hiddenSize: 3 };

Deno.test("a prediction is a layer's input by its map, head by head, and the map's constant", () => {
  const weights = new Float32Array(2 * 2 * 4);
  weights.set([1, 0, 0, 10], 0); // layer 0, head 0
  weights.set([0, 2, 0, 0], 4); // layer 0, head 1
  weights.set([0, 0, 3, -1], 12); // layer 1, head 1
  const inputs = [Float32Array.of(1, 2, 3, 4, 5, 6), Float32Array.of(7, 8, 9, 0, 0, 1)]; // [2, hidden] each
  const predicted = predictReconstruction({ weights }, MODEL, inputs);
  assertEquals(predicted.map((head) => [...head]), [[11, 14], [4, 10], [0, 0], [26, 2]]);
});

Deno.test("a fit finds the maps that made the scores; sinks are not learned from", () => {
  const fit = new KvzapFit(MODEL);
  const weights = Float32Array.from({ length: 16 }, (_, index) => Math.sin(1 + index));
  for (const text of [0, 1, 2]) {
    const inputs = [0, 1].map((layer) =>
      Float32Array.from({ length: 60 }, (_, index) => Math.sin(100 * text + 10 * layer + index ** 2))
    );
    const scores = predictReconstruction({ weights }, MODEL, inputs)
      .map((head) => head.map((log, token) => token < 4 ? 1e6 : Math.exp(log) - 1e-5));
    fit.add(inputs, scores);
  }
  assertEquals(fit.tokens, 3 * 16);
  const found = fit.solve(1e-9).weights;
  const worst = found.reduce((most, value, index) => Math.max(most, Math.abs(value - weights[index])), 0);
  assert(worst < 1e-3, `${worst}`);
  // A heavy penalty leaves nothing of the maps.
  fit.solve(1e9).weights.forEach((value) => assertAlmostEquals(value, 0, 1e-3));
  assertThrows(() => new KvzapFit(MODEL).solve(), RangeError, "to no tokens: add texts first");
});
