import { assert, assertEquals, assertThrows } from "@std/assert";
import { encodeFitted, FITTED_POLICIES, loadModel } from "kvmirror/engine";
import { kvpressPrompt, taskRows } from "kvmirror/eval";
import { policy } from "kvmirror/policies";
import { decodeFitted, fittedHash, readFitted } from "../../../lib/engine/observe/fitted_weights.ts";
import { memorySource } from "../../../lib/files/byte_source.ts";

Deno.test("the embedded model's probe keeps what KVzip keeps, more than twice as often as chance", async () => {
  await using model = await loadModel("tiny");
  const [row] = taskRows(model.tokenizer, "niah_single_2", { length: 512, samples: 1, seed: 7 });
  using context = model.createCache(["moments"]);
  await model.read(context, kvpressPrompt(model.tokenizer, row).contextIds, { logitsOf: "none" });
  const kept = async (name: string) => {
    const chooser = policy(name);
    await context.observe(chooser);
    using cache = context.fork();
    cache.compress(chooser, { compressionRatio: 0.875 });
    return cache.layers().flatMap(({ heads }, layer) =>
      heads.flatMap(({ positions }, head) => Array.from(positions, (position) => `${layer} ${head} ${position}`))
    );
  };
  const wanted = new Set(await kept("kvzip"));
  const share = (rows: string[]) => rows.filter((row) => wanted.has(row)).length / rows.length;
  const [probe, random] = [share(await kept("globalkv(attention_probe)")), share(await kept("random"))];
  console.error(`  rows that KVzip keeps as well: ${probe.toFixed(2)} by the probe, ${random.toFixed(2)} by chance`);
  assert(probe > 2 * random, `${probe} and ${random}`);
});

Deno.test("a file of fitted weights reads back bit for bit, and says what does not fit", () => {
  const shapes = { weights: [2, 2, 9], means: [2, 9] };
  const weights = Float32Array.from({ length: 36 }, (_, index) => Math.fround(Math.sin(index)));
  const means = Float32Array.from({ length: 18 }, (_, index) => Math.fround(Math.cos(index)));
  const bytes = encodeFitted({ weights, means }, shapes, { model: "a test" });
  const decode = (from: Uint8Array, of = shapes) => decodeFitted("attention_probe", memorySource(from), of);
  assertEquals(decode(bytes), { weights, means });
  assertThrows(
    () => decode(bytes, { weights: [2, 1, 5], means: [2, 5] }),
    TypeError,
    "weights of attention_probe as tensor weights is F32 [2, 2, 9]: this model takes F32 [2, 1, 5]",
  );
  assertThrows(() => decode(bytes.subarray(0, bytes.length - 4)), SyntaxError, "cut short");
  const renamed = bytes.slice();
  renamed.set(new TextEncoder().encode("meanz"), new TextDecoder().decode(bytes).indexOf("means"));
  assertThrows(() => decode(renamed), SyntaxError, "tensor means is missing");
  const spoilt = bytes.slice();
  new DataView(spoilt.buffer).setFloat32(spoilt.length - 4, NaN, true);
  assertThrows(() => decode(spoilt), SyntaxError, "tensor means holds NaN: fit them again");
});

for (const name of FITTED_POLICIES) {
  Deno.test(`${name}: who has nothing fitted for a model is told how to get it`, () => {
    assertEquals(fittedHash(name, "0".repeat(64)), undefined);
    const fix = `run \`deno task fit_probe --policy ${name}\``;
    assertThrows(() => readFitted(name, "0".repeat(64), { weights: [1] }), RangeError, fix);
  });
}
