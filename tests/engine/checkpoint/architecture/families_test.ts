import { assert, assertEquals, assertThrows } from "@std/assert";
import { FAMILIES, familyNamed, ggufFamily } from "../../../../lib/engine/checkpoint/architecture/families.ts";
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

for (const { huggingFace, gguf, activation = "silu", tensors } of FAMILIES) {
  const { modelType } = huggingFace;

  Deno.test(`${modelType} is found by its names, and its configuration is read from the least that says it`, () => {
    assertEquals(familyNamed(modelType).huggingFace, huggingFace);
    if (gguf !== undefined) assertEquals(ggufFamily(gguf.architecture).gguf, gguf);
    const silent = {
      max_position_embeddings: undefined,
      rope_theta: undefined,
      sliding_window: null,
      hidden_act: undefined,
    };
    const config = huggingFaceConfig(
      tinyConfig({ model_type: modelType, head_dim: 4, num_hidden_layers: 1, ...silent }),
    );
    const theta = Math.round(config.rotary.kinds[0].at(-1)! ** -2);
    assertEquals([config.architecture, theta], [
      modelType,
      huggingFace.slidingTheta ?? huggingFace.ropeTheta ?? 10_000,
    ]);
    assert(config.maxPositionEmbeddings >= 2048);
    assertEquals(config.traits.activation, activation);
  });

  Deno.test(`${modelType} has a name in both containers for each of its tensors, and no name twice`, () => {
    const config = huggingFaceConfig(tinyConfig({ model_type: modelType, num_hidden_layers: 3 }));
    const expected = expectedTensors({ ...config, tieWordEmbeddings: false });
    const names = huggingFaceNames(config);
    assertEquals(new Set(names.values()).size, names.size);
    const parts = (tensors.packed ?? []).flatMap(({ parts }) => parts);
    for (const name of expected.keys()) {
      assert([...names.values()].includes(name) || parts.some((part) => name.endsWith(part)), name);
    }
  });
}

Deno.test("an architecture that no record has is refused by both containers' names", () => {
  for (const find of [familyNamed, ggufFamily]) {
    assertThrows(() => find("bert"), RangeError, "architecture bert: the supported ones are ");
    assertThrows(() => find(undefined), RangeError, "(none named)");
  }
});

Deno.test("a family that the engine does not run is refused by what it lacks", () => {
  assertThrows(
    () => familyNamed("mixtral"),
    RangeError,
    "Cannot run the architecture mixtral as the engine lacks experts: the supported ones are llama, qwen2, ",
  );
  assertThrows(() => ggufFamily("deepseek2"), RangeError, "multi-head latent attention");
  assertThrows(() => ggufFamily("constructor"), RangeError, "architecture constructor: the supported ones are ");
});
