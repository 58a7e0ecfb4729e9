import { defaultFrequencies } from "../../../../lib/numeric/rotary.ts";
import { uniformRotary } from "../../../fixtures/uniform_rotary.ts";
import { assertEquals, assertThrows } from "@std/assert";
import type { CheckpointContent } from "../../../../lib/engine/checkpoint/checkpoint.ts";
import { ggufCheckpoint } from "../../../../lib/engine/checkpoint/gguf/gguf_checkpoint.ts";
import { memorySource } from "../../../../lib/files/byte_source.ts";
import { floats, ggufBytes, type TensorToWrite, type Value } from "../../../fixtures/gguf_bytes.ts";
import { type Changes, tinyGguf } from "../../../fixtures/tiny_gguf.ts";

function open(architecture: string, changes: Changes = {}): CheckpointContent {
  return ggufCheckpoint(memorySource(ggufBytes(tinyGguf(architecture, changes))));
}

Deno.test("a GGUF's metadata become the model's shape", () => {
  assertEquals(open("qwen2").config, {
    architecture: "qwen2",
    vocabSize: 6,
    hiddenSize: 4,
    intermediateSize: 8,
    numHiddenLayers: 1,
    numAttentionHeads: 2,
    numKeyValueHeads: 1,
    headDim: 4,
    maxPositionEmbeddings: 64,
    rotaryDim: 4,
    rotary: uniformRotary(1, defaultFrequencies(4, 1000.5)),
    windows: [0],
    traits: {
      activation: "silu",
      norms: "before",
      queryKeyNorm: "none",
      attentionBias: true,
      attentionOutputBias: false,
      mlpBias: false,
      scoreCap: 0,
      logitCap: 0,
    },
    multipliers: { embedding: 1, residual: 1, score: 1, turning: 1, logits: 1 },
    rmsNormEps: 0.5,
    tieWordEmbeddings: true,
    eosTokenIds: [4],
  });
});

Deno.test("tensors have Hugging Face's names and shapes", () => {
  const { tensors, readTensor } = open("qwen2");
  assertEquals(tensors.size, 14);
  assertEquals(tensors.get("model.embed_tokens.weight")?.shape, [6, 4]);
  assertEquals(tensors.get("model.layers.0.mlp.down_proj.weight")?.shape, [4, 8]);
  assertEquals(tensors.get("model.layers.0.self_attn.q_proj.bias")?.dtype, "F32");
  assertEquals(readTensor("model.layers.0.self_attn.k_proj.bias"), Float32Array.of(0, 1, 2, 3));
  assertThrows(() => readTensor("model.layers.1.mlp.up_proj.weight"), RangeError, "layers.1.mlp.up_proj");
});

Deno.test("the rows of Llama's q and k are put back into halves, Qwen2's stay", () => {
  const q = "model.layers.0.self_attn.q_proj.weight";
  const k = "model.layers.0.self_attn.k_proj.weight";
  const rows = (values: Float32Array) => [...values].filter((_, index) => index % 4 === 0).map((value) => value / 4);
  // In the file, each head's rows are pairs: (0 of the first half, 0 of the second), (1, 1).
  assertEquals(rows(open("llama").readTensor(q)), [0, 2, 1, 3, 4, 6, 5, 7]);
  assertEquals(rows(open("llama").readTensor(k)), [0, 2, 1, 3]);
  assertEquals(rows(open("qwen2").readTensor(q)), [0, 1, 2, 3, 4, 5, 6, 7]);
  assertEquals(rows(open("qwen2").readTensor(k)), [0, 1, 2, 3]);
});

Deno.test("some rows of a tensor are those of the whole, in its order", () => {
  for (const architecture of ["llama", "qwen2"]) {
    const { tensors, readTensor } = open(architecture);
    for (const [name, { shape: [rows] }] of tensors) {
      const whole = readTensor(name);
      const width = whole.length / rows;
      for (let start = 0; start < rows; start++) {
        for (let end = start + 1; end <= rows; end++) {
          assertEquals(readTensor(name, { start, end }), whole.subarray(start * width, end * width), name);
        }
      }
    }
    for (const span of [{ start: 1, end: 7 }, { start: 2, end: 2 }, { start: -1, end: 2 }, { start: 0.5, end: 2 }]) {
      assertThrows(() => readTensor("model.embed_tokens.weight", span), RangeError, "rows");
    }
  }
});

Deno.test("a GGUF with an output matrix is not tied", () => {
  const output = { extents: [4, 6], type: 0, data: floats(Array(24).fill(2)) };
  const { config, readTensor } = open("llama", { tensors: { "output.weight": output } });
  assertEquals(config.tieWordEmbeddings, false);
  assertEquals(readTensor("lm_head.weight"), new Float32Array(24).fill(2));
});

Deno.test("kv heads, head size, rope base and end of turn fall back as llama.cpp has them", () => {
  const { config } = open("llama", {
    metadata: {
      "llama.attention.head_count": 1,
      "llama.attention.head_count_kv": undefined,
      "llama.attention.key_length": undefined,
      "llama.attention.value_length": undefined,
      "llama.rope.freq_base": undefined,
      "tokenizer.ggml.eot_token_id": 5,
    },
    tensors: {
      "blk.0.attn_q.weight": { extents: [4, 4], type: 0, data: floats(Array(16).fill(0)) },
      "blk.0.attn_output.weight": { extents: [4, 4], type: 0, data: floats(Array(16).fill(0)) },
    },
  });
  assertEquals([config.numKeyValueHeads, config.headDim, config.rotary], [
    1,
    4,
    uniformRotary(1, defaultFrequencies(4, 10_000)),
  ]);
  assertEquals(config.eosTokenIds, [4, 5]);
});

const METADATA: readonly [string, Record<string, Value | undefined>, typeof RangeError | typeof SyntaxError, string][] =
  [
    [
      "another architecture",
      { "general.architecture": "bert" },
      RangeError,
      "bert: the supported ones are llama",
    ],
    ["no architecture", { "general.architecture": undefined }, RangeError, "none named"],
    ["a rope scaling that nobody knows", { "llama.rope.scaling.type": "wide" }, RangeError, "rope scaling is wide"],
    [
      "a rope scaling factor below 0",
      { "llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": -4.5 },
      SyntaxError,
      "must be above 0",
    ],
    [
      "YaRN of no factor",
      { "llama.rope.scaling.type": "yarn", "llama.rope.scaling.factor": "4" },
      SyntaxError,
      "number",
    ],
    ["a sliding window", { "llama.attention.sliding_window": 32 }, RangeError, "sliding window is 32"],
    ["experts", { "llama.expert_count": 8 }, RangeError, "8 experts"],
    ["attention to later tokens", { "llama.attention.causal": false }, RangeError, "attention.causal is false"],
    ["a part of several", { "split.count": 2 }, RangeError, "it is part 1 of 2: put the parts side by side"],
    ["part of the head rotated", { "llama.rope.dimension_count": 2 }, RangeError, "rope.dimension_count is 2"],
    [
      "no layer count",
      { "llama.block_count": undefined },
      SyntaxError,
      "block_count must be a whole number: current value is absent",
    ],
    ["a text for a size", { "llama.embedding_length": "4" }, SyntaxError, 'current value is "4"'],
    ["2³² − 1 layers", { "llama.block_count": 2 ** 32 - 1 }, SyntaxError, "numHiddenLayers must be in [1, 1024]"],
    [
      "two layers, tensors of one",
      { "llama.block_count": 2 },
      SyntaxError,
      "model.layers.1.input_layernorm.weight is missing",
    ],
    ["no heads", { "llama.attention.head_count": 0 }, SyntaxError, "numAttentionHeads must be in"],
    [
      "3 query heads on 2",
      { "llama.attention.head_count": 3, "llama.attention.head_count_kv": 2 },
      SyntaxError,
      "multiple",
    ],
    ["an odd head", { "llama.attention.key_length": 3 }, SyntaxError, "must be even"],
    ["an end token outside", { "tokenizer.ggml.eos_token_id": 6 }, SyntaxError, "[0, 6)"],
    ["a tokenizer of another kind", { "tokenizer.ggml.model": "bert" }, RangeError, "supported are llama"],
    [
      "an unknown pre-tokenizer",
      { "tokenizer.ggml.pre": "jais" },
      RangeError,
      "jais of this GGUF: the supported ones are gpt-2",
    ],
    ["too few token types", { "tokenizer.ggml.token_type": [1] }, SyntaxError, "6 tokens have 1 types"],
    [
      "a token twice",
      { "tokenizer.ggml.tokens": ["a", "a", "c", "d", "e", "f"] },
      SyntaxError,
      'token "a" is there twice',
    ],
    ["a merge of one token", { "tokenizer.ggml.merges": ["ab"] }, SyntaxError, 'merge "ab" is not two tokens'],
    ["numbers for tokens", { "tokenizer.ggml.tokens": [1, 2] }, SyntaxError, "list of texts"],
  ];

for (const [what, metadata, kind, message] of METADATA) {
  Deno.test(`a GGUF that has ${what} is refused`, () =>
    void assertThrows(() => open("llama", { metadata }), kind, message));
}

const two: TensorToWrite = { extents: [2], type: 0, data: floats([1, 2]) };
const TENSORS: readonly [
  string,
  Record<string, TensorToWrite | undefined>,
  typeof RangeError | typeof SyntaxError,
  string,
][] = [
  [
    "a tensor missing",
    { "blk.0.ffn_up.weight": undefined },
    SyntaxError,
    "model.layers.0.mlp.up_proj.weight is missing",
  ],
  ["no embedding", { "token_embd.weight": undefined }, SyntaxError, "token_embd.weight is missing"],
  [
    "a tensor of another shape",
    { "output_norm.weight": two },
    SyntaxError,
    "model.norm.weight must be [4]: current shape is [2]",
  ],
  [
    "a bias that Llama lacks",
    { "blk.0.attn_k.bias": two },
    SyntaxError,
    "self_attn.k_proj.bias is none of a llama model's",
  ],
  [
    "divisors of too few frequencies",
    { "rope_freqs.weight": { ...two, extents: [1] } },
    SyntaxError,
    "must be 2 numbers",
  ],
  ["one tensor under two names", { "model.norm.weight": two }, SyntaxError, "model.norm.weight under two names"],
];

for (const [what, tensors, kind, message] of TENSORS) {
  Deno.test(`a GGUF that has ${what} is refused`, () =>
    void assertThrows(() => open("llama", { tensors }), kind, message));
}
