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
    const deep = JSON.stringify(SAMPLE).replace(/}$/, `,"__proto__":${"[".repeat(1000)}${"]".repeat(1000)}}`);
    for (const text of ["", "{", '{"prediction": "blue", "kl": [0', deep]) {
      Deno.writeTextFileSync(path("samples/b.json"), text);
      assertEquals(store.read("b"), undefined, text);
    }
  }));

Deno.test("KVMIRROR_SAMPLES names another folder, and a folder that is given goes before it", () =>
  withFolder((path) => {
    Deno.env.set("KVMIRROR_SAMPLES", path("named"));
    try {
      sampleFolder().write("a", SAMPLE);
      assertEquals(sampleFolder(path("named")).read("a"), SAMPLE);
      assertEquals(sampleFolder(path("given")).read("a"), undefined);
    } finally {
      Deno.env.delete("KVMIRROR_SAMPLES");
    }
  }));

function keyOf(setting: Setting, build = "cd"): string | undefined {
  const origin = { name: "x", label: "x", weights: "int8", source: "", build } as const;
  const model = { hash: "ab", origin } as unknown as Parameters<typeof sampleKey>[0]["model"];
  return sampleKey({
    model,
    setting,
    positions: "logical",
    prompt: { contextIds: [1, 2], questionIds: [3], openingTokens: 1 },
    maxNewTokens: 5,
  });
}

Deno.test("keys tell settings apart, and what the code makes of a model; the same gives the same", () => {
  const names = ["keep_all", "hybrid(windowSize=10)", "adakv(snapkv) in int8", "oracle", "cut_prompt", "tova in int4"];
  const setting = (policy: string, compression_ratio: number) => parseSetting({ policy, compression_ratio });
  const keys = [0.5, 0.75].flatMap((ratio) =>
    names.flatMap((name) => ["cd", "ef"].map((build) => keyOf(setting(name, ratio), build)))
  );
  assertEquals(new Set(keys).size, keys.length);
  for (const name of names) assertEquals(keyOf(setting(name, 0.5)), keyOf(setting(name, 0.5)), name);
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
