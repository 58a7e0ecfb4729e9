import { defaultFrequencies } from "../../../lib/numeric/rotary.ts";
import { uniformRotary } from "../../fixtures/uniform_rotary.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { readCheckpoint } from "../../../lib/engine/checkpoint/read_checkpoint.ts";
import { ggufBytes } from "../../fixtures/gguf_bytes.ts";
import { tensorsFile } from "../../fixtures/safetensors_bytes.ts";
import { smollm2Path } from "../../fixtures/smollm2.ts";
import { tinyGguf } from "../../fixtures/tiny_gguf.ts";
import { tinyConfig, tinyTensors } from "../../fixtures/tiny_safetensors.ts";
import { withFiles } from "../../fixtures/with_folder.ts";

const WHOLE = {
  "config.json": tinyConfig(),
  "tokenizer.json": { model: { vocab: {} } },
  "model.safetensors": tensorsFile(tinyTensors()),
};
const NORM = "model.norm.weight";

Deno.test("a GGUF file is opened, read and closed", () =>
  withFiles({ "tiny.gguf": ggufBytes(tinyGguf("llama")) }, async (_, folder) => {
    const checkpoint = await readCheckpoint(`${folder}/tiny.gguf`);
    assertEquals(checkpoint.path, `${folder}/tiny.gguf`);
    assertEquals(checkpoint.config.architecture, "llama");
    assertEquals(checkpoint.readTensor(NORM), Float32Array.of(0, 1, 2, 3));
    assert(/^[0-9a-f]{64}$/.test(checkpoint.hash));
    checkpoint[Symbol.dispose]();
    checkpoint[Symbol.dispose]();
    assertThrows(() => checkpoint.readTensor(NORM));
  }));

Deno.test("a Hugging Face folder is opened with its tokenizer, end tokens and template", () =>
  withFiles({
    ...WHOLE,
    "generation_config.json": { eos_token_id: [1, 2] },
    "tokenizer_config.json": { eos_token: "x", chat_template: "old" },
    "chat_template.jinja": "{{ messages }}",
  }, async (_, folder) => {
    using checkpoint = await readCheckpoint(folder);
    assertEquals(checkpoint.config.eosTokenIds, [1, 2]);
    assertEquals(checkpoint.tokenizer.tokenizer, { model: { vocab: {} } });
    assertEquals(checkpoint.tokenizer.config, { eos_token: "x", chat_template: "{{ messages }}" });
    assertEquals(checkpoint.readTensor(NORM), Float32Array.of(0, 1, 2, 3));
  }));

Deno.test("weights in shards are the same weights, and another checkpoint's hash differs", () =>
  withFiles(WHOLE, async (_, one) => {
    const entries = Object.entries(tinyTensors());
    const shard = (index: number) => tensorsFile(Object.fromEntries(entries.filter((_, at) => at % 2 === index)));
    const { "model.safetensors": _model, ...rest } = WHOLE;
    const sharded = {
      ...rest,
      "model-00001-of-00002.safetensors": shard(0),
      "model-00002-of-00002.safetensors": shard(1),
      "model.safetensors.index.json": {
        weight_map: Object.fromEntries(
          entries.map(([name], at) => [name, `model-0000${at % 2 + 1}-of-00002.safetensors`]),
        ),
      },
    };
    await withFiles(sharded, async (_, other) => {
      using whole = await readCheckpoint(one);
      using parts = await readCheckpoint(other);
      assertEquals([...parts.tensors.keys()].sort(), [...whole.tensors.keys()].sort());
      for (const name of whole.tensors.keys()) assertEquals(parts.readTensor(name), whole.readTensor(name));
      assert(whole.hash !== parts.hash);
      await Deno.remove(`${other}/model-00002-of-00002.safetensors`);
      await assertRejects(() => readCheckpoint(other), RangeError, "model-00002-of-00002.safetensors is not there");
    });
  }));

const REFUSED: readonly [string, Record<string, unknown>, typeof RangeError | typeof SyntaxError, string][] = [
  ["no config.json", { "config.json": undefined }, RangeError, "config.json is not there"],
  ["no tokenizer.json", { "tokenizer.json": undefined }, RangeError, "tokenizer.json is not there"],
  ["no weights", { "model.safetensors": undefined }, RangeError, "model.safetensors is not there"],
  ["a config.json that is no JSON", { "config.json": "<html>" }, SyntaxError, "Cannot read config.json as JSON"],
  [
    "a list for a tokenizer.json",
    { "tokenizer.json": "[]" },
    SyntaxError,
    "tokenizer.json as it must be a JSON object",
  ],
  ["HTML for weights", { "model.safetensors": "<!DOCTYPE html>" }, SyntaxError, "its header claims"],
  [
    "an index that leads elsewhere",
    { "model.safetensors": undefined, "model.safetensors.index.json": { weight_map: { t: "../up.safetensors" } } },
    SyntaxError,
    "same folder",
  ],
];

for (const [what, changes, kind, message] of REFUSED) {
  Deno.test(`a folder with ${what} is one error that names the path`, () => {
    const files = Object.entries({ ...WHOLE, ...changes }).filter(([, content]) => content !== undefined);
    return withFiles(Object.fromEntries(files) as typeof WHOLE, async (_, folder) => {
      const error = await assertRejects(() => readCheckpoint(folder), kind, message);
      assert(error.message.startsWith(`${folder}: `) && !error.message.includes("\n"), error.message);
    });
  });
}

Deno.test("paths that are no checkpoint are one error", () =>
  withFiles({ ...WHOLE, "weights.bin": "PK\u0003\u0004 and so on, for more than a header" }, async (_, folder) => {
    await assertRejects(() => readCheckpoint(`${folder}/none.gguf`), RangeError, "no such file or folder");
    await assertRejects(() => readCheckpoint(`${folder}/weights.bin`), SyntaxError, "begins with");
    await assertRejects(() => readCheckpoint(`${folder}/model.safetensors`), RangeError, "give the folder it is in");
  }));

Deno.test("names that would break the terminal or fill it are shown tame", () => {
  const tensor = { extents: [4], type: 16, data: new Uint8Array(4) };
  const files = {
    "a.gguf": ggufBytes({ tensors: [["turned\u202eround", tensor]] }),
    "b.gguf": ggufBytes({ metadata: [["general.architecture", "x".repeat(100_000)]] }),
  };
  return withFiles(files, async (_, folder) => {
    await assertRejects(
      () => readCheckpoint(`${folder}/a.gguf`),
      RangeError,
      "tensor turned\ufffdround of type IQ2_XXS",
    );
    const { message } = await assertRejects(() => readCheckpoint(`${folder}/b.gguf`), RangeError);
    assert(message.length < 700, `${message.length} characters`);
  });
});

const path = await smollm2Path();

Deno.test({
  name: "SmolLM2's GGUF is read, all 134,515,008 weights of it",
  ignore: path === undefined,
  fn: async () => {
    using checkpoint = await readCheckpoint(path!);
    assertEquals(checkpoint.config, {
      architecture: "llama",
      vocabSize: 49152,
      hiddenSize: 576,
      intermediateSize: 1536,
      numHiddenLayers: 30,
      numAttentionHeads: 9,
      numKeyValueHeads: 3,
      headDim: 64,
      maxPositionEmbeddings: 8192,
      rotaryDim: 64,
      rotary: uniformRotary(30, defaultFrequencies(64, 100_000)),
      windows: new Array(30).fill(0),
      traits: {
        activation: "silu",
        norms: "before",
        queryKeyNorm: "none",
        attentionBias: false,
        attentionOutputBias: false,
        mlpBias: false,
        scoreCap: 0,
        logitCap: 0,
      },
      multipliers: { embedding: 1, residual: 1, score: 1, turning: 1, logits: 1 },
      rmsNormEps: Math.fround(1e-5),
      tieWordEmbeddings: true,
      eosTokenIds: [2],
    });
    assertEquals(checkpoint.hash, "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53");
    let count = 0;
    for (const name of checkpoint.tensors.keys()) {
      const values = checkpoint.readTensor(name);
      count += values.length;
      if (!values.every(Number.isFinite)) throw new Error(`${name} holds a value that is not finite`);
    }
    assertEquals(count, 134_515_008);
  },
});
