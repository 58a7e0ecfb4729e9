import { defaultFrequencies } from "../../../lib/numeric/rotary.ts";
import { uniformRotary } from "../../fixtures/uniform_rotary.ts";
import { assert, assertThrows } from "@std/assert";
import { loadModel } from "kvmirror/engine";
import { kvpressPrompt, taskRows } from "kvmirror/eval";
import { policy } from "kvmirror/policies";
import { readProbe } from "../../../lib/engine/observe/probe_file.ts";

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

Deno.test("a model without a probe is told how to get one", () => {
  const shape = { layerCount: 1, kvHeadCount: 1, headDim: 2, rotary: uniformRotary(1, defaultFrequencies(2, 10_000)) };
  assertThrows(() => readProbe("0".repeat(64), shape), RangeError, "fit one with `deno task fit_probe`");
});
