import { assert, assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import {
  CONFIG_KEYS,
  isKnown,
  type KeyTable,
  METADATA_KEYS,
  METADATA_ROPE_KEYS,
  ROPE_KEYS,
} from "../../../../lib/engine/checkpoint/architecture/keys.ts";
import type { ModelConfig } from "../../../../lib/engine/checkpoint/checkpoint.ts";
import { ggufConfig } from "../../../../lib/engine/checkpoint/gguf/gguf_config.ts";
import { readGguf } from "../../../../lib/engine/checkpoint/gguf/read_gguf.ts";
import { huggingFaceConfig } from "../../../../lib/engine/checkpoint/safetensors/hugging_face_config.ts";
import { memorySource } from "../../../../lib/files/byte_source.ts";
import { floats, ggufBytes, type Value } from "../../../fixtures/gguf_bytes.ts";
import { tinyGguf } from "../../../fixtures/tiny_gguf.ts";
import { tinyConfig } from "../../../fixtures/tiny_safetensors.ts";

type Json = Record<string, unknown>;

/** What tests/goldens/make_config_keys.py writes. */
interface Keys {
  readonly every_family: string[];
  readonly families: Record<string, string[]>;
  readonly rope_parameters: string[];
  readonly metadata: string[];
}

const KEYS: Keys = JSON.parse(
  Deno.readTextFileSync(new URL("../../../goldens/config_keys.json", import.meta.url)),
);

/** Each key stands in one list of its table. */
function checkLists({ settings, only, elsewhere = [], nothing }: KeyTable<string>): void {
  const all = [...Object.keys(settings), ...Object.keys(only), ...elsewhere, ...nothing];
  assertEquals(all.length, new Set(all).size);
}

Deno.test("every key of transformers' configurations and of gguf-py is in a table, once", () => {
  [CONFIG_KEYS, ROPE_KEYS, METADATA_KEYS, METADATA_ROPE_KEYS].forEach(checkLists);
  const config = [...KEYS.every_family, ...Object.values(KEYS.families).flat()];
  assertEquals(config.filter((key) => !isKnown(key, CONFIG_KEYS)), []);
  assertEquals(KEYS.rope_parameters.filter((key) => !isKnown(key, ROPE_KEYS)), []);
  const known = (key: string) => [METADATA_KEYS, METADATA_ROPE_KEYS].filter((table) => isKnown(key, table)).length;
  assertEquals(KEYS.metadata.filter((key) => known(key) !== 1), []);
});

/** A model whose every key is in use: two layers, windows where the family has them. */
function family(model_type: string, more: Json = {}): Json {
  const own = KEYS.families[model_type];
  const windows = own.includes("sliding_window") ? { sliding_window: 16, max_window_layers: 0 } : {};
  return {
    ...tinyConfig({ model_type, num_hidden_layers: 2, head_dim: 8, hidden_act: undefined, rope_theta: undefined }),
    ...windows,
    ...(own.includes("use_sliding_window") ? { use_sliding_window: true } : {}),
    ...(own.includes("no_rope_layers") ? { no_rope_layers: [0, 1] } : {}),
    ...more,
  };
}

interface Change {
  readonly value: unknown;
  /** What the key needs beside it. */
  readonly beside?: Json;
  /** A family, where transformers' configurations do not name the key. */
  readonly of?: string;
}

/** Another value of each key of config.json that is a setting. */
const CHANGES: Readonly<Record<string, Change>> = {
  vocab_size: { value: 5 },
  hidden_size: { value: 6 },
  intermediate_size: { value: 7 },
  num_hidden_layers: { value: 1, beside: { no_rope_layers: undefined } },
  num_attention_heads: { value: 4 },
  num_key_value_heads: { value: 2 },
  head_dim: { value: 4 },
  partial_rotary_factor: { value: 0.5 },
  "rope_scaling.partial_rotary_factor": { value: 0.5, of: "phi3" },
  "rope_parameters.partial_rotary_factor": { value: 0.5, of: "phi3" },
  max_position_embeddings: { value: 128 },
  no_rope_layers: { value: [1, 0] },
  no_rope_layer_interval: { value: 1, beside: { no_rope_layers: undefined } },
  rms_norm_eps: { value: 0.5 },
  hidden_act: { value: "gelu" },
  hidden_activation: { value: "gelu" },
  mlp_bias: { value: true },
  attention_out_bias: { value: true },
  embedding_multiplier: { value: 2 },
  residual_multiplier: { value: 2 },
  attention_multiplier: { value: 2 },
  logits_scaling: { value: 2 },
  query_pre_attn_scalar: { value: 100 },
  attn_logit_softcapping: { value: 5 },
  final_logit_softcapping: { value: 5 },
  layer_types: { value: ["full_attention", "sliding_attention"] },
  sliding_window: { value: 8 },
  sliding_window_pattern: { value: 2, of: "gemma3_text" },
  use_sliding_window: { value: false },
  max_window_layers: { value: 1 },
  tie_word_embeddings: { value: false },
  eos_token_id: { value: 1 },
};

/** Settings that run with one value alone, and another one. */
const REFUSED: Readonly<Record<string, unknown>> = {
  v_head_dim: 6,
  is_causal: false,
  use_bidirectional_attention: true,
  quantization_config: { quant_method: "awq" },
  "rope_parameters.full_attention.partial_rotary_factor": 0.5,
  "rope_parameters.sliding_attention.partial_rotary_factor": 0.5,
};

/** A configuration with another value; a dot leads into an object. */
function changed(config: Json, key: string, value: unknown): Json {
  const [first, ...rest] = key.split(".");
  return { ...config, [first]: rest.length === 0 ? value : changed({}, rest.join("."), value) };
}

/** One line that names what is wrong. */
function assertRefused(
  run: () => unknown,
  name: string,
  kind: typeof RangeError | typeof SyntaxError = RangeError,
): void {
  const { message } = assertThrows(run, kind);
  assert(message.includes(name), message);
  assertMatch(message, /^Cannot [^\n]+$/);
}

Deno.test("the test knows another value of each setting of config.json", () => {
  const tested = [...Object.keys(CHANGES), ...Object.keys(REFUSED), "attention_bias"];
  assertEquals(tested.toSorted(), Object.keys(CONFIG_KEYS.settings).toSorted());
});

for (const [modelType, own] of Object.entries(KEYS.families)) {
  const keys = [...KEYS.every_family, ...own];

  Deno.test(`${modelType}: each key that is a setting changes the model, and no other key does`, () => {
    for (const key of keys.filter((key) => !CONFIG_KEYS.elsewhere?.includes(key))) {
      const flips: Change | undefined = key === "attention_bias" ? { value: modelType !== "seed_oss" } : undefined;
      const { value, beside }: Change = flips ?? CHANGES[key] ?? { value: REFUSED[key] ?? 7 };
      const before = family(modelType, beside);
      const read = () => huggingFaceConfig({ ...before, [key]: value });
      if (key === "model_type") continue;
      if (Object.hasOwn(REFUSED, key) || Object.hasOwn(CONFIG_KEYS.only, key)) assertRefused(read, key);
      else if (Object.hasOwn(CONFIG_KEYS.settings, key)) assertNotEquals(read(), huggingFaceConfig(before), key);
      else assertEquals(read(), huggingFaceConfig(before), key);
    }
  });

  Deno.test(`${modelType}: other families' keys are refused where they would change something`, () => {
    const others = Object.keys(CHANGES).filter((key) => !keys.includes(key) && CHANGES[key].of !== modelType);
    // Read of every family; transformers reads the first beside its configurations' arguments.
    const read = ["head_dim", "hidden_act", "hidden_activation"];
    // Say nothing without a window.
    const windows = ["use_sliding_window", "max_window_layers", "sliding_window_pattern"];
    for (const key of others.filter((key) => ![...read, ...windows].includes(key))) {
      assertRefused(
        () => huggingFaceConfig(changed(family(modelType), key, CHANGES[key].value)),
        key.split(".").at(-1)!,
      );
    }
  });
}

Deno.test("a key that changes another model's computing is refused, but for the value that changes nothing", () => {
  const before = huggingFaceConfig(family("llama"));
  for (const [key, values] of Object.entries(CONFIG_KEYS.only)) {
    assertRefused(() => huggingFaceConfig(changed(family("llama"), key, 7)), `config.json's ${key} is 7`);
    for (const value of [...values, null]) {
      assertEquals(huggingFaceConfig(changed(family("llama"), key, value)), before);
    }
  }
  for (const [key, value] of Object.entries(REFUSED)) {
    const name = key.split(".")[0];
    assertRefused(() => huggingFaceConfig(changed(family("llama"), key, value)), name);
  }
});

Deno.test("a key of config.json that nobody reads passes", () => {
  assertEquals(huggingFaceConfig(family("llama", { a_trainer_s_note: 7 })), huggingFaceConfig(family("llama")));
});

// The base is small, so that four frequencies lie on both sides of what scaling tells apart.
const YARN = { rope_type: "yarn", factor: 4, original_max_position_embeddings: 128, rope_theta: 20 };
const LLAMA3 = { rope_theta: 20, rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4 };
const LONGROPE = {
  rope_type: "longrope",
  factor: 4,
  original_max_position_embeddings: 16,
  short_factor: [1, 1, 1, 1],
  long_factor: [2, 2, 2, 2],
};

/** Another value of each key of rotary scaling, and the object it stands in. */
const ROPE_CHANGES: Readonly<Record<string, readonly [Json, unknown][]>> = {
  rope_theta: [[{}, 500]],
  rope_type: [[{ factor: 2, rope_type: "default" }, "linear"]],
  type: [[{ factor: 2, type: "default" }, "linear"]],
  factor: [[YARN, 2], [LLAMA3, 4], [LONGROPE, 2], [{ rope_type: "linear", factor: 2 }, 3]],
  original_max_position_embeddings: [[YARN, 32], [LLAMA3, 32], [LONGROPE, 32]],
  low_freq_factor: [[{ ...LLAMA3, original_max_position_embeddings: 32 }, 2]],
  high_freq_factor: [[{ ...LLAMA3, original_max_position_embeddings: 32 }, 8]],
  beta_fast: [[{ ...YARN, truncate: false }, 2]],
  beta_slow: [[{ ...YARN, truncate: false }, 0.5]],
  attention_factor: [[YARN, 3], [LONGROPE, 3]],
  mscale: [[{ ...YARN, mscale: 1, mscale_all_dim: 1 }, 2]],
  mscale_all_dim: [[{ ...YARN, mscale: 1, mscale_all_dim: 1 }, 2]],
  truncate: [[YARN, false]],
  short_factor: [[LONGROPE, [1, 2, 3, 4]]],
  long_factor: [[LONGROPE, [1, 2, 3, 4]]],
};

Deno.test("each key of rotary scaling changes the model, and the others are refused", () => {
  assertEquals(Object.keys(ROPE_CHANGES).toSorted(), Object.keys(ROPE_KEYS.settings).toSorted());
  const llama = (rope_parameters: Json) => huggingFaceConfig(family("llama", { rope_parameters }));
  for (const [key, changes] of Object.entries(ROPE_CHANGES)) {
    for (const [rope, value] of changes) assertNotEquals(llama({ ...rope, [key]: value }), llama(rope), key);
  }
  for (const [key, values] of Object.entries(ROPE_KEYS.only)) {
    assertRefused(() => llama({ ...YARN, [key]: 7 }), `rope_parameters.${key} is 7`);
    for (const value of [...values, null]) assertEquals(llama({ ...YARN, [key]: value }), llama(YARN));
  }
  for (const key of ROPE_KEYS.nothing) assertEquals(llama({ ...YARN, [key]: true }), llama(YARN));
  assertRefused(() => llama({ ...YARN, twist: 2 }), "rope_parameters.twist is 2");
  const gemma3 = (more: Json) => huggingFaceConfig(family("gemma3_text", { num_hidden_layers: 6, ...more }));
  assertRefused(() => gemma3({ rope_parameters: { full_attention: { twist: 2 } } }), "rope_parameters.twist is 2");
  assertRefused(() => gemma3({ rope_parameters: { full_attention: {}, chunked_attention: {} } }), "chunked_attention");
});

Deno.test("keys of the rotary embedding that stand outside its object change the model", () => {
  const llama = (more: Json) => huggingFaceConfig(family("llama", { rope_parameters: YARN, ...more }));
  assertNotEquals(llama({ rope_parameters: undefined, rope_theta: 500 }), llama({ rope_parameters: undefined }));
  assertNotEquals(llama({ original_max_position_embeddings: 32 }), llama({}));
  const gemma3 = (more: Json) => huggingFaceConfig(family("gemma3_text", { num_hidden_layers: 6, ...more }));
  assertNotEquals(gemma3({ rope_local_base_freq: 500 }), gemma3({}));
  assertNotEquals(gemma3({ rope_theta: 500 }), gemma3({}));
  assertNotEquals(gemma3({ rope_scaling: { rope_type: "linear", factor: 8 } }), gemma3({}));
  // transformers takes 4,096 for Phi-3's original length unless config.json says it outside the object.
  const phi3 = (more: Json) => huggingFaceConfig(family("phi3", { max_position_embeddings: 8192, ...more }));
  assertEquals(phi3({ rope_parameters: LONGROPE }).rotaryBeyond?.length, 4096);
  assertEquals(phi3({ rope_parameters: LONGROPE, original_max_position_embeddings: 32 }).rotaryBeyond?.length, 32);
});

Deno.test("kinds of layers are as many as layers, and those that the family's windows allow", () => {
  const kinds = (modelType: string, layer_types: string[], more: Json = {}) => () =>
    huggingFaceConfig(family(modelType, { layer_types, ...more })).windows;
  const [full, sliding] = ["full_attention", "sliding_attention"];
  assertEquals(kinds("qwen2", [sliding, full])(), [16, 0]);
  assertEquals(kinds("llama", [full, full])(), [0, 0]);
  assertEquals(kinds("mistral", [sliding, sliding])(), [16, 16]);
  assertEquals(kinds("mistral", [full, full], { sliding_window: null })(), [0, 0]);
  assertRefused(kinds("qwen2", [full, full, full]), "layer_types must name the kind of each of 2 layers", SyntaxError);
  // PyTorch's Mistral goes by the window alone.
  assertRefused(kinds("mistral", [full, sliding]), 'layer_types is "full_attention"');
  assertRefused(kinds("llama", [full, sliding]), 'layer_types is "sliding_attention"');
  // PyTorch's Qwen2 and Gemma 2 fail without a length.
  assertRefused(kinds("qwen2", [full, sliding], { use_sliding_window: false }), "layer_types");
  assertRefused(kinds("gemma2", [full, sliding], { sliding_window: null }), "layer_types");
  assertRefused(kinds("smollm3", [full, full], { no_rope_layers: [1] }), "no_rope_layers must have", SyntaxError);
});

/** The configuration of a small GGUF file of two layers. */
function gguf(architecture: string, more: Readonly<Record<string, Value | undefined>> = {}): ModelConfig {
  const own = Object.fromEntries(Object.entries(more).map(([key, value]) => [`${architecture}.${key}`, value]));
  const metadata = { [`${architecture}.block_count`]: 2, [`${architecture}.attention.key_length`]: 8, ...own };
  const tensors = { "token_embd.weight": { extents: [4, 6], type: 0, data: floats([...Array(24).keys()]) } };
  const whole = tinyGguf(architecture, { metadata, tensors });
  const source = memorySource(ggufBytes(whole));
  const { metadata: read, tensors: stored } = readGguf(source);
  return ggufConfig({ metadata: read, tensors: new Map([...stored].map(([name, own]) => [name, { ...own, source }])) });
}

const VALUE_LENGTH = { "attention.value_length": 8 };
const GGUF_YARN = {
  ...VALUE_LENGTH,
  "rope.scaling.type": "yarn",
  "rope.scaling.factor": 4,
  "rope.scaling.original_context_length": 128,
  "rope.freq_base": 20,
};

/** Another value of each key of a GGUF file that is a setting, the family and what the key needs beside it. */
const GGUF_CHANGES: Readonly<Record<string, readonly [string, Value, Readonly<Record<string, Value | undefined>>?]>> = {
  embedding_length: ["llama", 6],
  feed_forward_length: ["llama", 7],
  block_count: ["llama", 1],
  context_length: ["llama", 128],
  "attention.head_count": ["llama", 4],
  "attention.head_count_kv": ["llama", 2],
  "attention.key_length": ["llama", 4, { "attention.value_length": undefined }],
  "attention.layer_norm_rms_epsilon": ["llama", 0.25],
  "attention.scale": ["granite", 2],
  "attention.sliding_window": ["gemma2", 8, { ...VALUE_LENGTH, "attention.sliding_window": 16 }],
  "attention.sliding_window_pattern": ["gemma3", 2, { ...VALUE_LENGTH, "attention.sliding_window": 16 }],
  "rope.dimension_count": ["phi3", 4],
  embedding_scale: ["granite", 2],
  residual_scale: ["granite", 2],
  logit_scale: ["granite", 2],
  attn_logit_softcapping: ["gemma2", 5],
  final_logit_softcapping: ["gemma2", 5],
  "rope.freq_base": ["llama", 500],
  "rope.freq_base_swa": ["gemma3", 500, { ...VALUE_LENGTH, "attention.sliding_window": 16 }],
  "rope.scaling.type": ["llama", "linear", { ...VALUE_LENGTH, "rope.scaling.factor": 2, "rope.scaling.type": "none" }],
  "rope.scaling.factor": ["llama", 2, GGUF_YARN],
  "rope.scale_linear": ["llama", 2],
  "rope.scaling.original_context_length": ["llama", 32, GGUF_YARN],
  "rope.scaling.attn_factor": ["llama", 2],
  "rope.scaling.yarn_beta_fast": ["llama", 2, GGUF_YARN],
  "rope.scaling.yarn_beta_slow": ["llama", 0.25, GGUF_YARN],
};

/** Settings of a GGUF file that run with one value alone, and another one. */
const GGUF_REFUSED: Readonly<Record<string, readonly [string, Value]>> = {
  "attention.value_length": ["llama", 6],
  "attention.causal": ["llama", false],
  "rope.scaling.finetuned": ["granite", false],
  expert_count: ["llama", 8],
};

Deno.test("each key of a GGUF file that is a setting changes the model, or is refused", () => {
  const settings = { ...METADATA_KEYS.settings, ...METADATA_ROPE_KEYS.settings };
  const tested = [...Object.keys(GGUF_CHANGES), ...Object.keys(GGUF_REFUSED)];
  assertEquals(tested.toSorted(), Object.keys(settings).toSorted());
  for (const [key, [architecture, value, beside = VALUE_LENGTH]] of Object.entries(GGUF_CHANGES)) {
    assertNotEquals(gguf(architecture, { ...beside, [key]: value }), gguf(architecture, beside), key);
  }
  for (const [key, [architecture, value]] of Object.entries(GGUF_REFUSED)) {
    const name = key === "expert_count" ? "experts" : key;
    assertRefused(() => gguf(architecture, { ...VALUE_LENGTH, [key]: value }), name);
  }
});

Deno.test("the other keys of a GGUF file change nothing or are refused", () => {
  const before = gguf("llama", VALUE_LENGTH);
  for (const { only, nothing } of [METADATA_KEYS, METADATA_ROPE_KEYS]) {
    for (const [key, values] of Object.entries(only)) {
      assertRefused(() => gguf("llama", { ...VALUE_LENGTH, [key]: 7 }), `${key} is 7`);
      for (const value of values) assertEquals(gguf("llama", { ...VALUE_LENGTH, [key]: value }), before, key);
    }
    for (const key of nothing) assertEquals(gguf("llama", { ...VALUE_LENGTH, [key]: 7 }), before, key);
  }
  assertEquals(gguf("llama", { ...VALUE_LENGTH, a_converter_s_note: 7 }), before);
  assertRefused(() => gguf("llama", { ...VALUE_LENGTH, "attention.twist": 2 }), "attention.twist is 2");
  assertRefused(() => gguf("llama", { ...VALUE_LENGTH, "rope.scaling.twist": 2 }), "rope.scaling.twist is 2");
  assertRefused(() => gguf("llama", { ...VALUE_LENGTH, "rope.freq_base_swa": 500 }), "rope.freq_base_swa is 500");
  assertRefused(() => gguf("llama", { ...VALUE_LENGTH, "attention.sliding_window": 16 }), "window is 16");
  assertRefused(() => gguf("llama", { ...VALUE_LENGTH, "attention.scale": 2 }), "attention.scale is 2");
  assertRefused(() => gguf("llama", { ...VALUE_LENGTH, logit_scale: 2 }), "logit_scale is 2");
});

Deno.test("a list with a number for each layer is read where the numbers are equal", () => {
  const lists = ["attention.head_count", "attention.head_count_kv", "feed_forward_length"];
  for (const key of lists) {
    assertEquals(gguf("llama", { ...VALUE_LENGTH, [key]: [2, 2] }), gguf("llama", { ...VALUE_LENGTH, [key]: 2 }));
    assertRefused(() => gguf("llama", { ...VALUE_LENGTH, [key]: [2, 1] }), `${key} is [2,1]`);
  }
  const windows = (pattern: Value) =>
    gguf("gemma3", {
      ...VALUE_LENGTH,
      "attention.sliding_window": 16,
      "attention.sliding_window_pattern": pattern,
    }).windows;
  assertEquals([windows(2), windows([false, true])], [[16, 0], [0, 16]]);
  assertThrows(() => windows([true]), SyntaxError, "2 layers");
});

Deno.test("what a GGUF file leaves out is what llama.cpp takes", () => {
  const gemma2 = gguf("gemma2", { ...VALUE_LENGTH, context_length: 8192 });
  assertEquals([gemma2.windows, gemma2.traits.scoreCap, gemma2.traits.logitCap], [[4096, 0], 50, 30]);
  assertEquals(gguf("granite", VALUE_LENGTH).multipliers.score, 1);
});
