import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { predictAttention, probeFeatures, probeWidth } from "../../../lib/engine/observe/attention_probe.ts";
import { AttentionProbeFit } from "../../../lib/engine/observe/attention_probe_fit.ts";
import type { ProbedRows } from "../../../lib/engine/rows/head_rows.ts";
import { defaultFrequencies, rotaryTables } from "../../../lib/numeric/rotary.ts";
import { uniformRotary } from "../../fixtures/uniform_rotary.ts";

const MODEL = { layerCount: 2, kvHeadCount: 2, headDim: 2, rotary: uniformRotary(2, defaultFrequencies(2, 10_000)) };
const WIDTH = probeWidth(MODEL);

/** A key (1, 0) turned to `position`, whose angle per position is 1 for the only pair. */
function rows(positions: number[], value = 0): ProbedRows {
  return {
    keys: Float32Array.from(positions.flatMap((position) => [Math.cos(position), Math.sin(position)])),
    values: Float32Array.from(positions.flatMap((position) => [value + position, 2])),
    positions: Int32Array.from(positions),
    rotaryPositions: Int32Array.from(positions),
  };
}

Deno.test("features are values, keys turned back to position 0, and a constant", () => {
  const { features, positions } = probeFeatures(
    [rows([0, 7]), rows([0, 7], 10)],
    MODEL,
    rotaryTables(defaultFrequencies(2, 10_000), 8),
  );
  assertEquals([...positions], [0, 7]);
  const wanted = [0, 2, 1, 0, 10, 2, 1, 0, 1, 7, 2, 1, 0, 17, 2, 1, 0, 1];
  features.forEach((feature, index) => assertAlmostEquals(feature, wanted[index], 1e-6));
});

Deno.test("where a head has evicted a token, the mean stands in", () => {
  const means = Float32Array.from({ length: WIDTH }, (_, feature) => 100 + feature);
  const { features } = probeFeatures(
    [rows([0, 7]), rows([7])],
    MODEL,
    rotaryTables(defaultFrequencies(2, 10_000), 8),
    means,
  );
  assertEquals([...features.subarray(4, 8)], [104, 105, 106, 107]);
  assertEquals(features[WIDTH - 1], 1);
});

Deno.test("a prediction is the weights' sum over the features, head by head", () => {
  const weights = new Float32Array(2 * 2 * WIDTH);
  weights[0] = 3; // layer 0, head 0: first value of head 0
  weights[3 * WIDTH + WIDTH - 1] = 5; // layer 1, head 1: the constant
  const heads = [rows([0, 4]), rows([4]), rows([4]), rows([0, 4, 9])];
  const predicted = predictAttention({ weights, means: new Float32Array(2 * WIDTH) }, MODEL, heads);
  assertEquals(predicted.map((head) => [...head]), [[0, 12], [0], [0], [5, 5, 5]]);
});

Deno.test("a fit finds what was paid by values; sinks are not learned from", () => {
  const fit = new AttentionProbeFit({ ...MODEL, layerCount: 1 });
  const positions = Array.from({ length: 40 }, (_, row) => row);
  const heads = [rows(positions), rows(positions, 1)];
  const paid = positions.map((position) => position < 4 ? 1e6 : Math.exp(position / 10 - 4) - 1e-5);
  fit.add(heads, [Float32Array.from(paid), Float32Array.from(paid, () => Math.exp(-2) - 1e-5)]);
  assertEquals(fit.tokens, 36);
  const probe = fit.solve(1e-6);
  const [first, second] = predictAttention(probe, { ...MODEL, layerCount: 1 }, heads);
  first.slice(4).forEach((value, row) => assertAlmostEquals(value, (row + 4) / 10 - 4, 1e-3));
  second.slice(4).forEach((value) => assertAlmostEquals(value, -2, 1e-3));
  assertThrows(() => new AttentionProbeFit(MODEL).solve(), RangeError, "to no tokens: add contexts first");
});
