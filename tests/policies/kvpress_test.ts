import { assert, assertEquals } from "@std/assert";
import { type KvCache, loadModel } from "kvmirror/engine";
import { type Budget, budgetForRatio, type Policy, policy } from "kvmirror/policies";
import { gunzipSync } from "node:zlib";
import { raisedScores } from "../../lib/policies/define_policy.ts";
import { readAll } from "../engine/golden.ts";
import golden from "../goldens/policies.json" with { type: "json" };
import { smollm2Path } from "../smollm2.ts";

/** The part of the rows that must be the same; near ties explain the rest. */
const SAME = 0.995;

const smollm2 = await smollm2Path();

Deno.test({
  name: "policies keep the rows that kvpress keeps of SmolLM2's cache in float32",
  ignore: smollm2 === undefined,
  fn: async (test) => {
    await using model = await loadModel(smollm2!, { weights: "f32" });
    assertEquals(model.tokenizer.encode(golden.text), golden.ids);
    const { cache } = await readAll(model, golden.ids);
    for (const [name, cases] of Object.entries(golden.cases)) {
      await test.step(name, () => {
        for (const [ratio, packed] of Object.entries(cases)) {
          const { share, tied } = compare(
            policy(name),
            budgetForRatio(golden.ids.length, Number(ratio)),
            packed,
            cache,
          );
          const ties = tied > 0 ? `, ${tied} of them tied at the cut` : "";
          console.error(`  ${name} at ${ratio}: ${(100 * share).toFixed(2)} % of kept rows the same${ties}`);
          assert(share >= SAME, `${name} at ${ratio} keeps ${share} of kvpress's rows`);
        }
      });
    }
  },
});

/**
 * The part of kvpress's rows that were chosen too. Where a head's rows are its highest scores, rows that tie with the
 * lowest kept one count as the same: which of them PyTorch's topk takes is arbitrary.
 */
function compare(chosen: Policy, budget: Budget, packed: string, cache: KvCache): { share: number; tied: number } {
  const layers = cache.layers();
  const choice = chosen.choose(layers, budget);
  const bits = gunzipSync(Uint8Array.fromBase64(packed));
  const bytes = Math.ceil(golden.ids.length / 8);
  const { recipe } = chosen;
  const byScore = recipe !== undefined && recipe.allocate === undefined && recipe.select === undefined;
  let [theirs, ours, both, tied] = [0, 0, 0, 0];
  choice.forEach((heads, layer) => {
    const scores = byScore ? raisedScores(recipe, layers[layer], budget) : undefined;
    heads.forEach(({ rows }, head) => {
      const own = bits.subarray((layer * cache.shape.kvHeadCount + head) * bytes).subarray(0, bytes);
      const mine = new Set(rows);
      const cut = scores && rows.reduce((least, row) => Math.min(least, scores[head][row]), Infinity);
      ours += rows.length;
      for (let row = 0; row < golden.ids.length; row++) {
        if (((own[row >> 3] >> (row & 7)) & 1) === 0) continue;
        theirs++;
        if (mine.has(row)) both++;
        else if (scores?.[head][row] === cut) tied++;
      }
    });
  });
  assertEquals(ours, theirs);
  return { share: (both + tied) / theirs, tied };
}
