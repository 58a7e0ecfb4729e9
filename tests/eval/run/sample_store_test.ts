import { assertEquals, assertNotEquals } from "@std/assert";
import { parseSetting, type Sample, sampleFolder } from "kvmirror/eval";
import { policy } from "kvmirror/policies";
import { sampleKey } from "../../../lib/eval/run/sample_store.ts";
import type { Setting } from "../../../lib/eval/run/setting.ts";
import { keydiff } from "../../../lib/policies/keydiff.ts";
import { withFolder } from "../../fixtures/with_folder.ts";

const SAMPLE: Sample = {
  prediction: "blue",
  answer_tokens: 2,
  context_tokens: 30,
  live_bytes: 0,
  kl: [0, 1.5],
  agreement: [1, 0],
};

/** Files that are JSON and no samples: what was found in a cache folder, and each field absent or of a wrong kind. */
const MALFORMED: readonly unknown[] = [
  ...[null, {}, [], 5, "x", { prediction: 5, kl: [], agreement: [] }],
  ...Object.keys(SAMPLE).flatMap((name) => [{ ...SAMPLE, [name]: undefined }, { ...SAMPLE, [name]: {} }]),
  ...[{ ...SAMPLE, kl: [0] }, { ...SAMPLE, kl: [0, "1"] }, { ...SAMPLE, kl: [0, -1] }, { ...SAMPLE, kl: [0, null] }],
  ...[{ ...SAMPLE, agreement: [1, 0.5] }, { ...SAMPLE, answer_tokens: 1.5 }, { ...SAMPLE, live_bytes: -1 }],
];

Deno.test("a kept sample reads as it was; a malformed one counts as absent", () =>
  withFolder((path) => {
    const store = sampleFolder(path("samples"));
    store.write("a", SAMPLE);
    assertEquals(store.read("a"), SAMPLE);
    for (const kept of MALFORMED) {
      Deno.writeTextFileSync(path("samples/b.json"), JSON.stringify(kept));
      assertEquals(store.read("b"), undefined, JSON.stringify(kept));
    }
    for (const text of ["", "{", '{"prediction": "blue", "kl": [0']) {
      Deno.writeTextFileSync(path("samples/b.json"), text);
      assertEquals(store.read("b"), undefined, text);
    }
  }));

function keyOf(setting: Setting): string | undefined {
  const origin = { name: "x", label: "x", weights: "int8", source: "" } as const;
  const model = { hash: "ab", origin } as unknown as Parameters<typeof sampleKey>[0]["model"];
  return sampleKey({
    model,
    setting,
    positions: "logical",
    prompt: { contextIds: [1, 2], questionIds: [3], openingTokens: 1 },
    maxNewTokens: 5,
  });
}

Deno.test("keys are those that finished samples have: f0f4ef5 gave these", () => {
  const keys = {
    keep_all: "dcd1157e2bfa63841cb5d883b23d24074cbdb99ff00ee9793cfdf6fc1915ec10",
    "hybrid(windowSize=10)": "889f2d4c487819e6586a1ec8d0cce8f57cae6cf79d09895b1da8c7385060acfb",
    "adakv(snapkv) in int8": "9b5c3aa45777a79e3683ae7906fbdbae3a340927fa2d685fa74bed58a3d2b024",
    oracle: "c9a4fe95d8677d8c7e6288571cd585c8a39e0ff6955f26314ec1265e3f94abce",
    cut_prompt: "23106af6346eb389f6b30d421f043c8d76e390da53934650e37fb55de6b813cb",
    "tova in int4:channel/int4 residual 128": "6d31cd61a8f082af9bee11b7e24e2eec3b9ad528977fdaf186a3e0c633d9afc1",
  };
  for (const [policy, key] of Object.entries(keys)) {
    assertEquals(keyOf(parseSetting({ policy, compression_ratio: 0.5 })), key, policy);
  }
});

Deno.test("numbers beside a policy's name are in the key; a policy made elsewhere has none", () => {
  const key = (chosen: Setting["policy"]) => keyOf({ policy: chosen, compressionRatio: 0.5 });
  assertNotEquals(key(policy("snapkv", { windowSize: 9 })), key(policy("snapkv")));
  assertNotEquals(key(policy("snapkv", { windowSize: 9 })), key(policy("snapkv", { windowSize: 8 })));
  assertEquals(
    key(policy("snapkv", { windowSize: 9, kernelSize: 3 })),
    key(policy("snapkv", { kernelSize: 3, windowSize: 9 })),
  );
  assertEquals(key(policy("keydiff", {})), key(policy("keydiff")));
  assertEquals([key(keydiff()), key({ ...policy("keydiff"), choose: () => [] })], [undefined, undefined]);
});
