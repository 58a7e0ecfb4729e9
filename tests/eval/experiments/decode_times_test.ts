import { assert, assertEquals, assertRejects } from "@std/assert";
import { loadModel } from "kvmirror/engine";
import { decodeTimes } from "kvmirror/eval";
import { checkpointPath } from "../../fixtures/golden.ts";

Deno.test("the times of so many tokens; the cache stays as it is", async () => {
  await using model = await loadModel(checkpointPath("llama_tied_f16"), { weights: "f32" });
  using cache = model.createCache();
  await model.read(cache, [3, 1, 4, 1, 5]);
  const times = await decodeTimes(model, cache, 7);
  assertEquals([times.length, cache.tokenCount], [7, 5]);
  assert(times.every((ms) => ms > 0 && ms < 1000));
});

Deno.test("an empty cache is refused", async () => {
  await using model = await loadModel(checkpointPath("llama_tied_f16"), { weights: "f32" });
  using cache = model.createCache();
  await assertRejects(
    () => decodeTimes(model, cache, 1),
    RangeError,
    "Cannot decode on an empty cache: read a text first",
  );
});
