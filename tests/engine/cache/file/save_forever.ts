import { defaultFrequencies } from "../../../../lib/numeric/rotary.ts";
import { uniformRotary } from "../../../fixtures/uniform_rotary.ts";
/** Saves a cache to the file that it is given, over and over, until it is killed. Each time the tokens are one more. */
import { KvCache } from "kvmirror/engine";
import { appendRows } from "../../../fixtures/append_rows.ts";

const [path] = Deno.args;
const shape = {
  layerCount: 4,
  kvHeadCount: 2,
  groupSize: 1,
  headDim: 64,
  rotary: uniformRotary(4, defaultFrequencies(64, 10_000)),
  windows: new Array(4).fill(0),
};
const cache = new KvCache(shape, [1], undefined, { name: "made up", hash: "a".repeat(64), weights: "f32" });
const append = (count: number) => {
  const values = new Float32Array(shape.layerCount * shape.kvHeadCount * count * shape.headDim).fill(cache.tokenCount);
  appendRows(cache, new Int32Array(count), values, values);
};
append(2000);
for (let saved = 0;; saved++) {
  append(1);
  await cache.save(path);
  if (saved === 0) console.log("saving");
}
