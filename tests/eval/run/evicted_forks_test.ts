import { assert, assertEquals, assertRejects } from "@std/assert";
import { DEFAULT_RECORDINGS, type KvCache } from "kvmirror/engine";
import { policy, policyNames } from "kvmirror/policies";
import { evictedForks } from "../../../lib/eval/run/evicted_forks.ts";
import { openCheckpoint } from "../../fixtures/golden.ts";

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
  using context = model.createCache([...DEFAULT_RECORDINGS, "nonCausalAttention"]);
  await model.read(context, model.tokenizer.encode(TEXT), { logitsOf: "none" });
  const evicted = evictedForks(context);
  const names = [...policyNames(), "adakv(keydiff)", "globalkv(snapkv)", "criticalkv(tova)", "chunkkv(snapkv)"];
  let compared = 0;
  for (const name of names) {
    const own = policy(name);
    // Of this checkpoint nothing is fitted, and what is to come is unknown.
    const unknown = ["laterAttention", "predictedAttention", "predictedReconstruction", "filterResponse"];
    if (own.signals.some((signal) => typeof signal === "string" && unknown.includes(signal))) continue;
    for (const compressionRatio of own.size === "own" ? [0] : [0, 0.25, 0.5, 0.9]) {
      using kept = await evicted(own, compressionRatio);
      using compressed = context.fork();
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
  const evicted = evictedForks(context);
  await assertRejects(() => evicted(policy("snapkv"), 0.5), TypeError, "snapkv");
  await assertRejects(() => evicted(policy("knorm"), 1.2), RangeError, "Cannot compress to ratio 1.2");
});
