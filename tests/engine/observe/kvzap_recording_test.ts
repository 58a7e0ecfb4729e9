import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type KvCache, loadModel, type Model, parseCacheDtype, prefillRecordings } from "kvmirror/engine";
import { policy } from "kvmirror/policies";
import { readFitted } from "../../../lib/engine/observe/fitted_weights.ts";
import { kvzapModel, kvzapShapes, predictReconstruction } from "../../../lib/engine/observe/kvzap.ts";
import { withFolder } from "../../fixtures/with_folder.ts";

const CHOOSER = policy("globalkv(kvzap)");
const RECORDINGS = prefillRecordings(CHOOSER.signals);
const TEXT = "The special number for whale is 4711. It was a dark and stormy night; the rain fell in torrents. ".repeat(
  9,
);

/** What a cache holds of every row, by head: position and prediction. */
function predictions(cache: KvCache): [number, number][][] {
  return cache.layers().flatMap(({ heads }) =>
    heads.map((head) => {
      const values = head.signal("predictedReconstruction");
      return Array.from(head.positions, (position, row): [number, number] => [position, values[row]]);
    })
  );
}

/** The same, of a text that is read whole, from the inputs of its layers. */
async function expected(model: Model, ids: readonly number[]): Promise<number[][]> {
  const sizes = kvzapModel(model.config);
  const maps = readFitted("kvzap", model.hash, kvzapShapes(sizes));
  const found: number[][] = Array.from({ length: sizes.layerCount * sizes.kvHeadCount }, () => []);
  await model.read(model.createCache(), ids, {
    logitsOf: "none",
    onLayerInputs: (inputs) =>
      predictReconstruction(maps, sizes, inputs).forEach((values, head) => found[head].push(...values)),
  });
  return found;
}

function assertPredicts(cache: KvCache, wanted: number[][], tolerance: number): void {
  predictions(cache).forEach((rows, head) =>
    rows.forEach(([position, value]) => assertAlmostEquals(value, wanted[head][position], tolerance))
  );
}

Deno.test("kvzap: every row is predicted as it is read, whatever the chunks, also of an answer", async () => {
  await using model = await loadModel("tiny", { weights: "f32" });
  using cache = await model.prefill(TEXT, { recordings: RECORDINGS });
  const wanted = await expected(model, cache.tokenIds());
  assertPredicts(cache, wanted, 0);
  for (const chunkLength of [1, 7, 64]) {
    using chunked = await model.prefill(TEXT, { recordings: RECORDINGS, chunkLength });
    assertPredicts(chunked, wanted, 1e-3);
  }
  using asked = cache.fork();
  await model.generate("What is the special number for whale?", { cache: asked, maxNewTokens: 4, ignoreEos: true });
  assert(asked.tokenCount > cache.tokenCount + 4);
  assertPredicts(asked, await expected(model, asked.tokenIds()), 1e-3);
});

Deno.test("kvzap: predictions follow their rows through evictions, rewinds, files and int8 rows", async () => {
  await using model = await loadModel("tiny", { weights: "f32" });
  using whole = await model.prefill(TEXT, { recordings: RECORDINGS });
  const wanted = await expected(model, whole.tokenIds());
  using kept = whole.fork();
  kept.compress(CHOOSER, { compressionRatio: 0.75 });
  assertPredicts(kept, wanted, 0);
  const threshold = (rows: number[][]) => rows.flatMap((head) => head.slice(4)).sort((one, other) => other - one);
  const order = threshold(wanted);
  const rows = predictions(kept).map((head) => head.filter(([position]) => position >= 4).map(([, value]) => value));
  const least = Math.min(...rows.flat());
  assertEquals(least, order[rows.flat().length - 1], "the highest of the whole model stay");
  // What attention said is lost by a rewind to where nothing was marked; what is predicted is not.
  using back = whole.fork();
  back.rewind(100);
  assertPredicts(back, wanted, 0);
  assertThrows(() => back.compress(policy("tova"), { compressionRatio: 0.5 }), TypeError, "needs attention");
  back.compress(CHOOSER, { compressionRatio: 0.5 });
  await withFolder(async (path) => {
    await kept.save(path("kept.kvcache"));
    using loaded = await model.loadCache(path("kept.kvcache"));
    assertEquals(predictions(loaded), predictions(kept));
    await model.read(loaded, [5, 6, 7]);
    assertEquals(predictions(loaded)[0].length, predictions(kept)[0].length + 3);
  });
  using again = whole.fork();
  await again.observe(policy("kvzip"));
  again.compress(policy("kvzip"), { compressionRatio: 0.5 });
  again.quantize(parseCacheDtype("int8", 0));
  assertPredicts(again, wanted, 0);
});

Deno.test("kvzap: bounds a cache; one that was not read for it is told so", async () => {
  await using model = await loadModel("tiny");
  const bound = { policy: CHOOSER, rows: 48, compressionInterval: 16 };
  using bounded = await model.prefill(TEXT, { bound });
  assert(bounded.evictableRows <= 64 * bounded.evictableHeads && bounded.tokenCount > 64);
  using plain = await model.prefill(TEXT);
  assertThrows(() => plain.compress(CHOOSER, { compressionRatio: 0.5 }), TypeError, "which reading records if");
  await assertRejects(() => model.read(plain, [5], { bound }), TypeError, "fit_probe --policy kvzap");
});
