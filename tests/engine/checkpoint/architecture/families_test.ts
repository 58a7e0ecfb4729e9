import { assert, assertEquals, assertThrows } from "@std/assert";
import { FAMILIES, familyNamed, ggufFamily } from "../../../../lib/engine/checkpoint/architecture/families.ts";
import { modelConfig } from "../../../../lib/engine/checkpoint/architecture/model_config.ts";
import { createSettings } from "../../../../lib/engine/checkpoint/architecture/settings.ts";
import { expectedTensors, huggingFaceNames } from "../../../../lib/engine/checkpoint/architecture/tensors.ts";
import { huggingFaceConfig } from "../../../../lib/engine/checkpoint/safetensors/hugging_face_config.ts";
import { tinyConfig } from "../../../fixtures/tiny_safetensors.ts";

const ROOT = new URL("../../../../", import.meta.url);
const RECORDS = "lib/engine/checkpoint/architecture/families.ts";

/** Comparisons with a family's name, or of a variable that holds one. */
function comparisons(text: string): string[] {
  const names = FAMILIES.flatMap(({ huggingFace, gguf }) => [huggingFace.modelType, gguf?.architecture ?? []].flat());
  const name = `["'\`](?:${[...new Set(names)].join("|")})["'\`]`;
  const holder = String.raw`\b(?:architecture|modelType|model_type)\b`;
  const patterns = [
    String.raw`[=!]==?\s*${name}`,
    String.raw`${name}\s*[=!]==?`,
    String.raw`${holder}\s*[=!]==?`,
    String.raw`[=!]==?\s*[\w.]*${holder}`,
    String.raw`case\s+${name}`,
    String.raw`\[\s*${name}[^\]]*\]\.includes`,
  ];
  return [...text.matchAll(new RegExp(patterns.join("|"), "g"))].map(([found]) => found);
}

function* sources(folder: string): Generator<string, void, undefined> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, ROOT))) {
    if (isDirectory) yield* sources(`${folder}${name}/`);
    else if (name.endsWith(".ts")) yield `${folder}${name}`;
  }
}

Deno.test("no code but the families' records asks for a family's name", () => {
  const asks = ['x === "llama"', '"qwen2" != x', "config.architecture === y", 'case "llama":', '["qwen2"].includes(x)'];
  for (const code of asks) assertEquals(comparisons(code).length, 1, code);
  assertEquals(comparisons('["qwen2", QWEN2_PRE_TOKENIZER]; { model_type: config.architecture }'), []);
  const files = ["lib/", "tasks/", "tests/fixtures/"].flatMap((folder) => [...sources(folder)]);
  const found = files.filter((file) => file !== RECORDS)
    .map((file) => [file, comparisons(Deno.readTextFileSync(new URL(file, ROOT)))])
    .filter(([, places]) => places.length > 0);
  assertEquals(found, []);
});

for (const { huggingFace, gguf, activations, rotary } of FAMILIES.filter(({ lacks }) => lacks === undefined)) {
  const { modelType } = huggingFace;

  Deno.test(`${modelType} is found by its names, and its configuration is read from the least that says it`, () => {
    assertEquals(familyNamed(modelType).huggingFace, huggingFace);
    if (gguf !== undefined) assertEquals(ggufFamily(gguf.architecture).gguf, gguf);
    const silent = { max_position_embeddings: undefined, rope_theta: undefined, sliding_window: null };
    const config = huggingFaceConfig(tinyConfig({ model_type: modelType, ...silent }));
    assertEquals([config.architecture, config.ropeTheta], [modelType, 10_000]);
    assert(config.maxPositionEmbeddings >= 2048);
    assert(activations.length > 0 && rotary.length > 0);
  });

  Deno.test(`${modelType} has a name in both containers for each of its tensors, and no name twice`, () => {
    const config = huggingFaceConfig(tinyConfig({ model_type: modelType, num_hidden_layers: 3 }));
    const expected = expectedTensors({ ...config, tieWordEmbeddings: false });
    const names = huggingFaceNames(config);
    assertEquals(new Set(names.values()).size, names.size);
    for (const name of expected.keys()) assert([...names.values()].includes(name), name);
  });
}

Deno.test("an architecture that no record has is refused by both containers' names", () => {
  for (const find of [familyNamed, ggufFamily]) {
    assertThrows(() => find("bert"), RangeError, "architecture bert: the supported ones are ");
    assertThrows(() => find(undefined), RangeError, "(none named)");
  }
});

Deno.test("a family that the engine knows and does not run is refused by the step that it lacks", () => {
  const family = { ...familyNamed("llama"), lacks: "a norm of each query and key" };
  const settings = createSettings({ label: "", names: {}, defaults: {}, value: () => undefined, state: () => "" });
  assertThrows(
    () => modelConfig({ family, settings, window: 0 }),
    RangeError,
    "Cannot run the architecture llama as the engine lacks a norm of each query and key",
  );
});
