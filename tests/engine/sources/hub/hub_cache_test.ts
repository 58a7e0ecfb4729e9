import { assert, assertEquals, assertThrows } from "@std/assert";
import { type KnownModel, listModels, type SourceSettings, verifyModel } from "kvmirror/engine";
import { createHash } from "node:crypto";
import { findModel } from "../../../../lib/engine/sources/resolve_model.ts";

const MODEL: KnownModel = { name: "a-model", license: "MIT", repository: "someone/a-model", hubBytes: 1_000 };
const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** Lays files out as Hugging Face's tools do: a snapshot of links to blobs that are named by their hash. */
async function withHubCache(
  files: Readonly<Record<string, string>>,
  body: (settings: SourceSettings, folder: string, snapshot: string) => Promise<void> | void,
): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "kvmirror-cache-" });
  const folder = `${root}/theirs/models--someone--a-model`;
  const snapshot = `${folder}/snapshots/${COMMIT}`;
  for (const name of ["blobs", "refs", `snapshots/${COMMIT}`]) {
    await Deno.mkdir(`${folder}/${name}`, { recursive: true });
  }
  await Deno.writeTextFile(`${folder}/refs/main`, COMMIT);
  for (const [name, text] of Object.entries(files)) {
    const hash = createHash("sha256").update(text).digest("hex");
    await Deno.writeTextFile(`${folder}/blobs/${hash}`, text);
    await Deno.symlink(`../../blobs/${hash}`, `${snapshot}/${name}`);
  }
  try {
    const elsewhere = { endpoint: "http://127.0.0.1:9", token: undefined, offline: true };
    await body({ cache: `${root}/ours`, hubCache: `${root}/theirs`, ...elsewhere }, folder, snapshot);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const WHOLE = { "config.json": "{}", "tokenizer.json": '{"a":1}', "model.safetensors": "weights" };

Deno.test("a model in Hugging Face's own cache is taken from there, and its links verify it", async () => {
  await withHubCache(WHOLE, async (settings, folder, snapshot) => {
    assertEquals(findModel(MODEL, settings)?.path, snapshot);
    assertEquals(listModels([MODEL], settings), [{
      name: "a-model",
      path: snapshot,
      source: "the Hugging Face cache (someone/a-model)",
      license: "MIT",
      bytes: 16,
      verifiable: true,
    }]);
    assert(verifyModel(MODEL, settings).every(({ expected, actual }) => expected === actual));
    const blob = createHash("sha256").update("weights").digest("hex");
    await Deno.writeTextFile(`${folder}/blobs/${blob}`, "weighty");
    const wrong = verifyModel(MODEL, settings).filter(({ expected, actual }) => expected !== actual);
    assertEquals(wrong.map(({ path }) => path), [`${snapshot}/model.safetensors`]);
  });
});

Deno.test("copies in place of links cannot be verified, and it says so", async () => {
  await withHubCache(WHOLE, async (settings, _, snapshot) => {
    for (const [name, text] of Object.entries(WHOLE)) {
      await Deno.remove(`${snapshot}/${name}`);
      await Deno.writeTextFile(`${snapshot}/${name}`, text);
    }
    assertEquals(listModels([MODEL], settings)[0].verifiable, false);
    assertThrows(() => verifyModel(MODEL, settings), RangeError, "no hash of it is known");
  });
});

Deno.test("a model that is not here is listed with where it would come from", async () => {
  await withHubCache({}, (settings) => {
    assertEquals(listModels([MODEL], settings), [{
      name: "a-model",
      path: undefined,
      source: "the model hub (someone/a-model)",
      license: "MIT",
      bytes: 1_000,
      verifiable: false,
    }]);
    assertThrows(() => verifyModel(MODEL, settings), RangeError, "deno task models fetch a-model");
  });
});

const INDEX = JSON.stringify({ weight_map: { a: "model-1.safetensors", b: "model-2.safetensors" } });
const { "config.json": config, "tokenizer.json": tokenizer } = WHOLE;
const PARTS: readonly [string, Record<string, string>, boolean][] = [
  ["no weights", { "config.json": config, "tokenizer.json": tokenizer }, false],
  ["no tokenizer", { "config.json": config, "model.safetensors": "weights" }, false],
  ["one shard of two", {
    "config.json": config,
    "tokenizer.json": tokenizer,
    "model.safetensors.index.json": INDEX,
    "model-1.safetensors": "a",
  }, false],
  ["both shards", {
    "config.json": config,
    "tokenizer.json": tokenizer,
    "model.safetensors.index.json": INDEX,
    "model-1.safetensors": "a",
    "model-2.safetensors": "b",
  }, true],
  ["a damaged index", { ...WHOLE, "model.safetensors.index.json": "{" }, false],
];

for (const [name, files, whole] of PARTS) {
  Deno.test(`a snapshot with ${name} is ${whole ? "whole" : "passed over"}`, async () => {
    await withHubCache(files, (settings) => assertEquals(findModel(MODEL, settings) !== undefined, whole));
  });
}

Deno.test("a link whose blob is gone, and a reference that leads elsewhere, are passed over", async () => {
  await withHubCache(WHOLE, async (settings, folder) => {
    await Deno.remove(`${folder}/blobs/${createHash("sha256").update("weights").digest("hex")}`);
    assertEquals(findModel(MODEL, settings), undefined);
  });
  await withHubCache(WHOLE, async (settings, folder) => {
    await Deno.writeTextFile(`${folder}/refs/main`, `../snapshots/${COMMIT}`);
    assertEquals(findModel(MODEL, settings), undefined);
    await Deno.remove(`${folder}/refs/main`);
    assertEquals(findModel(MODEL, settings), undefined);
  });
});
