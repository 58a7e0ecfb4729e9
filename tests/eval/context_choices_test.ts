import { assert, assertEquals, assertThrows } from "@std/assert";
import { DEFAULT_TAPS, type KvCache } from "kvmirror/engine";
import { policy, policyNames } from "kvmirror/policies";
import { contextChoices } from "../../lib/eval/context_choices.ts";
import { openCheckpoint } from "../engine/golden.ts";

const TEXT = "The river runs slowly past the old mill in spring. Sam's dog is called Biscuit. ".repeat(3);

function rowsOf(cache: KvCache): number[][] {
  const { layerCount, kvHeadCount } = cache.shape;
  return Array.from(
    { length: layerCount * kvHeadCount },
    (_, head) => [...cache.rowPositions(Math.floor(head / kvHeadCount), head % kvHeadCount)],
  );
}

Deno.test("at every ratio the rows are those that compress keeps, whatever the policy", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  using context = model.createCache(DEFAULT_TAPS);
  await model.read(context, model.tokenizer.encode(TEXT), { logitsOf: "none" });
  const choices = contextChoices(context);
  const names = [...policyNames(), "adakv(keydiff)", "globalkv(snapkv)", "criticalkv(tova)", "chunkkv(snapkv)"];
  let compared = 0;
  for (const name of names) {
    const own = policy(name);
    if (own.needs.includes("laterAttention") || own.needs.includes("predictedAttention")) continue;
    await context.observe(own);
    for (const compressionRatio of [0, 0.25, 0.5, 0.9]) {
      using kept = context.fork();
      using compressed = context.fork();
      kept.keep(choices(own, compressionRatio), undefined, own.name);
      compressed.compress(own, { compressionRatio });
      assertEquals(rowsOf(kept), rowsOf(compressed), `${name} at ${compressionRatio}`);
      compared++;
    }
  }
  assert(compared >= 60, `${compared} choices`);
});

Deno.test("a signal that was not recorded is named", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  using context = model.createCache();
  await model.read(context, model.tokenizer.encode(TEXT), { logitsOf: "none" });
  const choices = contextChoices(context);
  assertThrows(() => choices(policy("snapkv"), 0.5), TypeError, "snapkv");
  assertThrows(() => choices(policy("knorm"), 1.2), RangeError, "Cannot compress to ratio 1.2");
});
