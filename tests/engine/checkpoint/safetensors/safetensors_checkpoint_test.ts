import { assertEquals, assertThrows } from "@std/assert";
import type { CheckpointContent } from "../../../../lib/engine/checkpoint/checkpoint.ts";
import { safetensorsCheckpoint } from "../../../../lib/engine/checkpoint/safetensors/hugging_face_checkpoint.ts";
import { readWeightMap } from "../../../../lib/engine/checkpoint/safetensors/shard_index.ts";
import { memorySource } from "../../../../lib/files/byte_source.ts";
import { tensorsFile, type TensorToWrite } from "../../../fixtures/safetensors_bytes.ts";
import { counting, tinyConfig, tinyTensors } from "../../../fixtures/tiny_safetensors.ts";

type Files = Readonly<Record<string, Readonly<Record<string, TensorToWrite>>>>;

function open(files: Files, config = tinyConfig(), map?: Record<string, string>): CheckpointContent {
  const weights = new Map(Object.entries(files).map(([name, tensors]) => [name, memorySource(tensorsFile(tensors))]));
  const weightMap = map === undefined ? undefined : readWeightMap({ weight_map: map });
  return safetensorsCheckpoint({ config, weights, weightMap, tokenizer: { tokenizer: {}, config: {} } });
}

const NAME = "model.layers.0.mlp.up_proj.weight";

Deno.test("tensors are read in F32, F16 and BF16", () => {
  const { tensors, readTensor } = open({
    "model.safetensors": tinyTensors({
      "model.norm.weight": { dtype: "F16", shape: [4], data: Uint8Array.of(0, 0x3c, 0, 0xc0, 0, 0x38, 1, 0) },
      "model.layers.0.self_attn.k_proj.bias": {
        dtype: "BF16",
        shape: [2],
        data: Uint8Array.of(0x80, 0x3f, 0x49, 0xc0),
      },
    }),
  });
  assertEquals(readTensor("model.norm.weight"), Float32Array.of(1, -2, 0.5, 2 ** -24));
  assertEquals(readTensor("model.layers.0.self_attn.k_proj.bias"), Float32Array.of(1, -3.140625));
  assertEquals(readTensor(NAME), Float32Array.from(Array(24).keys()));
  assertEquals([tensors.get(NAME)?.dtype, tensors.get(NAME)?.shape], ["F32", [6, 4]]);
  assertThrows(() => readTensor("lm_head.weight"), RangeError, "lm_head.weight");
});

Deno.test("weights in several files are read by their index", () => {
  const entries = Object.entries(tinyTensors());
  const one = Object.fromEntries(entries.slice(0, 5));
  const two = Object.fromEntries(entries.slice(5));
  const map = Object.fromEntries(entries.map(([name], index) => [name, index < 5 ? "1.safetensors" : "2.safetensors"]));
  const { tensors, readTensor } = open({ "1.safetensors": one, "2.safetensors": two }, tinyConfig(), map);
  assertEquals(tensors.size, entries.length);
  assertEquals(readTensor(NAME), Float32Array.from(Array(24).keys()));
  const open2 = (map: Record<string, string>) => () =>
    open({ "1.safetensors": one, "2.safetensors": two }, tinyConfig(), map);
  assertThrows(
    open2({ ...map, [NAME]: "1.safetensors" }),
    SyntaxError,
    `2.safetensors holds ${NAME}, which the index puts in 1`,
  );
  assertThrows(open2({ ...map, extra: "1.safetensors" }), SyntaxError, "1.safetensors lacks extra");
  const { [NAME]: _, ...rest } = map;
  assertThrows(open2(rest), SyntaxError, `holds ${NAME}, which the index puts nowhere`);
});

Deno.test("a tied model needs no output matrix and ignores one; an untied one needs it", () => {
  const withHead = { "model.safetensors": tinyTensors({ "lm_head.weight": counting([3, 4]) }) };
  const without = { "model.safetensors": tinyTensors() };
  const untied = tinyConfig({ tie_word_embeddings: false });
  assertEquals(open(withHead).tensors.has("lm_head.weight"), false);
  assertEquals(open(withHead, untied).tensors.has("lm_head.weight"), true);
  assertThrows(
    () => open(without, untied),
    SyntaxError,
    "lm_head.weight is missing and tie_word_embeddings is not true",
  );
});

Deno.test("buffers that old checkpoints keep are left out", () => {
  const name = "model.layers.0.self_attn.rotary_emb.inv_freq";
  assertEquals(open({ "model.safetensors": tinyTensors({ [name]: counting([1]) }) }).tensors.has(name), false);
});

Deno.test("tensors that are missing, of another shape, not of the model or not of a known type are refused", () => {
  const opens = (changes: Record<string, TensorToWrite | undefined>) => () =>
    open({ "model.safetensors": tinyTensors(changes) });
  assertThrows(opens({ [NAME]: undefined }), SyntaxError, `${NAME} is missing: it should be [6,4]`);
  assertThrows(opens({ [NAME]: counting([4, 6]) }), SyntaxError, `${NAME} must be [6,4]: current shape is [4,6]`);
  assertThrows(
    opens({ "model.layers.0.self_attn.q_norm.weight": counting([2]) }),
    SyntaxError,
    "q_norm.weight is none of",
  );
  const eight = { dtype: "F8_E4M3", shape: [6, 4], data: new Uint8Array(24) };
  assertThrows(opens({ [NAME]: eight }), RangeError, `${NAME} of type F8_E4M3: the supported types are F32, F16, BF16`);
});

Deno.test("an index that leads out of its folder is refused", () => {
  for (
    const file of [
      "../x.safetensors",
      "/x.safetensors",
      "a/b.safetensors",
      "..\\x.safetensors",
      "x.bin",
      "..",
      "",
      5,
      null,
    ]
  ) {
    assertThrows(() => readWeightMap({ weight_map: { t: file } }), SyntaxError, "same folder");
  }
  assertThrows(() => readWeightMap({}), SyntaxError, "weight_map must be an object");
  assertThrows(() => readWeightMap({ weight_map: ["x"] }), SyntaxError, "weight_map must be an object");
});
