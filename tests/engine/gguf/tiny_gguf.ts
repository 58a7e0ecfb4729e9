import { floats, type GgufToWrite, type TensorToWrite, type Value } from "./gguf_bytes.ts";

/** Shape of the tiny model: hidden 4, 2 query heads on 1 kv head of 4, one layer, 6 tokens. */
const SHAPES: Readonly<Record<string, readonly number[]>> = {
  "token_embd.weight": [4, 6],
  "output_norm.weight": [4],
  "blk.0.attn_norm.weight": [4],
  "blk.0.attn_q.weight": [4, 8],
  "blk.0.attn_k.weight": [4, 4],
  "blk.0.attn_v.weight": [4, 4],
  "blk.0.attn_output.weight": [8, 4],
  "blk.0.ffn_norm.weight": [4],
  "blk.0.ffn_gate.weight": [4, 8],
  "blk.0.ffn_up.weight": [4, 8],
  "blk.0.ffn_down.weight": [8, 4],
};
const BIASES: Readonly<Record<string, readonly number[]>> = {
  "blk.0.attn_q.bias": [8],
  "blk.0.attn_k.bias": [4],
  "blk.0.attn_v.bias": [4],
};

/** What to change in the tiny model: metadata by key (undefined leaves it out), tensors by name. */
export interface Changes {
  readonly metadata?: Readonly<Record<string, Value | undefined>>;
  readonly tensors?: Readonly<Record<string, TensorToWrite | undefined>>;
}

/** A whole model in the least bytes: value i of each tensor is i. */
export function tinyGguf(architecture: "llama" | "qwen2", changes: Changes = {}): GgufToWrite {
  const metadata: Record<string, Value | undefined> = {
    "general.architecture": architecture,
    [`${architecture}.block_count`]: 1,
    [`${architecture}.context_length`]: 64,
    [`${architecture}.embedding_length`]: 4,
    [`${architecture}.feed_forward_length`]: 8,
    [`${architecture}.attention.head_count`]: 2,
    [`${architecture}.attention.head_count_kv`]: 1,
    [`${architecture}.attention.key_length`]: 4,
    [`${architecture}.attention.value_length`]: 4,
    [`${architecture}.attention.layer_norm_rms_epsilon`]: 0.5,
    [`${architecture}.rope.freq_base`]: 1000.5,
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "gpt-2",
    "tokenizer.ggml.tokens": ["a", "b", "c", "ab", "<|end|>", "<tool>"],
    "tokenizer.ggml.token_type": [1, 1, 1, 1, 3, 4],
    "tokenizer.ggml.merges": ["a b"],
    "tokenizer.ggml.eos_token_id": 4,
    ...changes.metadata,
  };
  const shapes = { ...SHAPES, ...(architecture === "qwen2" ? BIASES : {}) };
  const tensors: Record<string, TensorToWrite | undefined> = Object.fromEntries(
    Object.entries(shapes).map(([name, extents]) => {
      const count = extents.reduce((product, extent) => product * extent, 1);
      return [name, { extents, type: 0, data: floats([...Array(count).keys()]) }];
    }),
  );
  return {
    metadata: present(metadata),
    tensors: present({ ...tensors, ...changes.tensors }),
  };
}

function present<T>(entries: Readonly<Record<string, T | undefined>>): [string, T][] {
  return Object.entries(entries).filter((entry): entry is [string, T] => entry[1] !== undefined);
}
