import { defaultFrequencies } from "../../../lib/numeric/rotary.ts";
import { uniformRotary } from "../../fixtures/uniform_rotary.ts";
import { assert, assertEquals } from "@std/assert";
import { loadModel } from "kvmirror/engine";
import { equalByteSettings, evaluate, taskRows } from "kvmirror/eval";
import { syntheticCache } from "../../fixtures/synthetic_cache.ts";
import { keptRows } from "../../../lib/policies/budget.ts";

const SHAPE = {
  layerCount: 2,
  kvHeadCount: 1,
  groupSize: 1,
  headDim: 64,
  rotary: uniformRotary(2, defaultFrequencies(64, 10_000)),
  windows: new Array(2).fill(0),
};

Deno.test("every format gets as many rows as its bytes allow; where all fit there is nothing to choose", () => {
  const settings = equalByteSettings(SHAPE, 1000, {
    shares: [0.5, 0.25],
    policies: ["tova", "random"],
    cacheDtypes: ["f32", "f16", "int8"],
  });
  const seen = settings.map((
    { share, cacheDtypeName, evicts, compressionRatio },
  ) => [share, cacheDtypeName, evicts, keptRows(1000, compressionRatio)]);
  // A head of 1,000 rows takes 512,000 bytes. In f16 the newest 32 rows take 512 and others 256; in int8, 136.
  assertEquals(seen, [
    [0.5, "f32", "tova", 500],
    [0.5, "f32", "random", 500],
    [0.5, "f16", "tova", 968],
    [0.5, "f16", "random", 968],
    [0.5, "int8", "keep_all", 1000],
    [0.25, "f32", "tova", 250],
    [0.25, "f32", "random", 250],
    [0.25, "f16", "tova", 468],
    [0.25, "f16", "random", 468],
    [0.25, "int8", "tova", 852],
    [0.25, "int8", "random", 852],
  ]);
  assertEquals(settings[2].name, "tova in f16");
});

Deno.test("what they take in a model is what they may take, nearly", async () => {
  await using model = await loadModel("tiny");
  const rows = taskRows(model.tokenizer, "niah_single_1", { length: 512, samples: 1, seed: 3, maxNewTokens: 2 });
  using cache = model.createCache();
  const first = await evaluate(model, rows, []);
  const tokens = first.samples[0].context_tokens;
  const settings = equalByteSettings(cache.shape, tokens, {
    shares: [0.4],
    policies: ["knorm"],
    cacheDtypes: ["f32", "f16", "int8", "int4"],
  });
  const { samples } = await evaluate(model, rows, settings);
  const full = samples[0].live_bytes;
  for (const [index, { cacheDtypeName, compressionRatio }] of settings.entries()) {
    const share = samples[index + 1].live_bytes / full;
    assert(share <= 0.4, `${cacheDtypeName} takes ${share}`);
    assert(share > 0.39 || compressionRatio === 0, `${cacheDtypeName} takes only ${share}`);
  }
});

Deno.test("no policy passes its share, however it divides rows among heads, in whatever dtype", () => {
  const context = 400;
  const policies = ["knorm", "adakv(knorm)", "globalkv(knorm)", "pyramid(knorm)", "chunkkv(knorm)", "random"];
  const cacheDtypes = ["f32", "f16", "int8", "int4", "int8:channel", "int4:channel/int4"];
  for (const shares of [[0.5], [0.3], [0.12]]) {
    using full = syntheticCache(context);
    for (const setting of equalByteSettings(full.shape, context, { shares, policies, cacheDtypes })) {
      using cache = full.fork();
      cache.compress(setting.policy, { compressionRatio: setting.compressionRatio });
      if (setting.cacheDtype !== undefined) cache.quantize(setting.cacheDtype);
      const share = cache.liveBytes / full.liveBytes;
      assert(share <= setting.share, `${setting.name} at ${setting.compressionRatio}: ${share} of ${setting.share}`);
    }
  }
});
