import { assert, assertEquals, assertRejects } from "@std/assert";
import { DEFAULT_RECORDINGS, loadModel } from "kvmirror/engine";
import { kvpressPrompt, needleAttention, taskRows } from "kvmirror/eval";

Deno.test("some heads of the embedded model look at the needle, and most do not; a needle elsewhere gets less", async () => {
  await using model = await loadModel("tiny");
  const [row, other] = taskRows(model.tokenizer, "niah_single_2", { length: 512, samples: 2, seed: 5 });
  using context = model.createCache(DEFAULT_RECORDINGS);
  await model.read(context, kvpressPrompt(model.tokenizer, row).contextIds, { logitsOf: "none" });
  const before = context.tokenCount;
  const heads = await needleAttention(model, context, row);
  assertEquals([context.tokenCount, heads.length], [
    before,
    model.config.numHiddenLayers * model.config.numKeyValueHeads,
  ]);
  const shares = heads.map(({ share }) => share).sort((one, another) => another - one);
  assert(shares.every((share) => share >= 0 && share <= 1));
  assert(shares[0] > 0.3, `the most is ${shares[0]}`);
  assert(shares.at(-1)! < 0.05, `the least is ${shares.at(-1)}`);
  await assertRejects(() => needleAttention(model, context, other), RangeError, "in the context as it is not there");
});
