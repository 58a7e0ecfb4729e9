import { assert, assertEquals, assertRejects } from "@std/assert";
import { loadModel, parseCacheDtype } from "kvmirror/engine";
import { settingTimes } from "kvmirror/eval";
import { keepAll, policy } from "kvmirror/policies";

Deno.test("settings in their order, with their bytes; a second look at the text takes time", async () => {
  await using model = await loadModel("tiny");
  const ids = model.tokenizer.encode("It was a dark and stormy night; the rain fell in torrents. ".repeat(16));
  const settings = [
    { policy: keepAll(), compressionRatio: 0 },
    { policy: policy("keydiff"), compressionRatio: 0.75, cacheDtype: parseCacheDtype("f16", 0) },
    { policy: policy("kvzip"), compressionRatio: 0.75 },
  ];
  const times = await settingTimes(model, ids, settings, { turns: 3, tokens: 4 });
  assertEquals(times.map(({ policy }) => policy), ["keep_all", "keydiff in f16 residual 0", "kvzip"]);
  using whole = model.createCache();
  await model.read(whole, ids);
  const shares = times.map(({ live_bytes }) => live_bytes / whole.liveBytes);
  [1, 1 / 8, 1 / 4].forEach((share, index) => assert(Math.abs(shares[index] - share) < 0.01, `${shares}`));
  for (const { ready_ms, ms_per_token } of times) assert(ready_ms > ms_per_token && ms_per_token > 0);
  assert(times[2].ready_ms > times[0].ready_ms, `${times.map(({ ready_ms }) => ready_ms)} ms`);
});

Deno.test("no turns, no tokens, and a setting that is none are refused", async () => {
  await using model = await loadModel("tiny");
  const setting = { policy: policy("keydiff"), compressionRatio: 0.5 };
  for (const options of [{ turns: 0 }, { tokens: 0.5 }]) {
    const [[name, value]] = Object.entries(options);
    await assertRejects(
      () => settingTimes(model, [1, 2], [setting], options),
      RangeError,
      `Cannot time settings with ${name} ${value} as it must be a whole number of at least 1`,
    );
  }
  await assertRejects(
    () => settingTimes(model, [1, 2], [{ ...setting, ratio: 1 } as typeof setting]),
    TypeError,
    "ratio",
  );
});
