import { assert, assertEquals } from "@std/assert";
import { loadModel } from "kvmirror/engine";
import { POLICIES, WRAPPERS } from "kvmirror/policies";
import { parityRows } from "../../tasks/checks/kvpress_parity.ts";
import { smollm2Path } from "../fixtures/smollm2.ts";
import golden from "../goldens/policies_700.json" with { type: "json" };

const smollm2 = await smollm2Path();

/** A policy of ours has the letters of its press: `expected_attention` is ExpectedAttentionPress. */
Deno.test("the golden file has every policy and wrapper that kvpress has", () => {
  const held = Object.keys(golden.cases).flatMap((name) => name.replace(")", "").split("("));
  const theirs = [...Object.keys(POLICIES), ...Object.keys(WRAPPERS)]
    .filter((name) => golden.presses.includes(name.replaceAll("_", "")));
  assert(theirs.length >= 14, `${theirs}`);
  // random draws other numbers; duo_attention measures heads on the text, where kvpress takes a dataset: duo_attention_test.
  assertEquals(theirs.filter((name) => !held.includes(name)), ["random", "duo_attention"]);
});

Deno.test({
  name: "policies keep the rows that kvpress keeps of SmolLM2's cache in float32, and say the same on them",
  ignore: smollm2 === undefined,
  fn: async () => {
    await using model = await loadModel(smollm2!, { weights: "f32" });
    assertEquals(model.tokenizer.encode(golden.text), golden.ids);
    for await (const row of parityRows(model, golden)) {
      const { policy, compression_ratio, same, tied, score_gap, logprob_difference, choose_ms } = row;
      const ties = tied > 0 ? `, ${tied} of them tied at the cut` : "";
      console.error(
        `  ${policy} at ${compression_ratio}: ${(100 * same).toFixed(2)} % of kept rows the same${ties}; ` +
          `score gap ${score_gap.toExponential(1)}, log-probs ${logprob_difference.toExponential(1)}, ${
            choose_ms.toFixed(0)
          } ms`,
      );
      assert(same >= 0.995, `${policy} at ${compression_ratio} keeps ${same} of kvpress's rows`);
      assert(
        logprob_difference <= 1e-3,
        `${policy} at ${compression_ratio}: log-probs differ by ${logprob_difference}`,
      );
    }
  },
});
