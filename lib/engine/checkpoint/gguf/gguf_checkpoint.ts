import type { ByteSource } from "../../../files/byte_source.ts";
import { checkTensors } from "../architecture.ts";
import type { CheckpointContent } from "../checkpoint.ts";
import { readBlocks, readValues } from "../tensor_format.ts";
import { ggufConfig } from "./gguf_config.ts";
import { ggufTokenizer } from "./gguf_tokenizer.ts";
import { type GgufTensor, readGguf } from "./read_gguf.ts";

/**
 * Reads a GGUF file's shape, tokenizer and table of tensors under Hugging Face's names; weights are read when asked for.
 *
 * @throws {SyntaxError} if the file is malformed, or its tensors are not those of its configuration
 * @throws {RangeError} if it is of a kind that is not supported
 */
export function ggufCheckpoint(source: ByteSource): CheckpointContent {
  const gguf = readGguf(source);
  const config = ggufConfig(gguf);
  const tensors = new Map<string, GgufTensor>();
  for (const tensor of gguf.tensors.values()) {
    const name = huggingFaceName(tensor.name);
    if (tensors.has(name)) throw new SyntaxError(`Cannot read GGUF as it holds ${name} under two names`);
    tensors.set(name, tensor);
  }
  checkTensors(config, tensors);
  const placed = (name: string) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new RangeError(`Cannot read the tensor ${name} as the checkpoint has none of it`);
    return tensor;
  };
  /** Puts the rows of a tensor's numbers, or of its scales, in Hugging Face's order. */
  const ordered = <Numbers extends RowNumbers>(name: string, numbers: Numbers): Numbers => {
    const [, projection] = name.match(/\.([qk])_proj\.weight$/) ?? [];
    if (projection === undefined || config.architecture !== "llama") return numbers;
    const heads = projection === "q" ? config.numAttentionHeads : config.numKeyValueHeads;
    return restoreRotaryOrder(numbers, heads, config.headDim);
  };
  return {
    config,
    tensors,
    tokenizer: ggufTokenizer(gguf.metadata),
    readTensor: (name) => {
      const { offset, count, format } = placed(name);
      return ordered(name, readValues(source, offset, count, format));
    },
    readBlocks: (name) => {
      const { offset, count, format } = placed(name);
      const stored = readBlocks(source, offset, count, format);
      return stored && {
        groupLength: stored.groupLength,
        levels: ordered(name, stored.levels),
        scales: ordered(name, stored.scales),
        mins: ordered(name, stored.mins),
      };
    },
  };
}

/** Numbers whose rows may be put in another order. */
type RowNumbers = Float32Array<ArrayBuffer> | Int8Array<ArrayBuffer>;

const WHOLE_MODEL: ReadonlyMap<string, string> = new Map(Object.entries({
  token_embd: "model.embed_tokens",
  output_norm: "model.norm",
  output: "lm_head",
}));

const IN_LAYER: ReadonlyMap<string, string> = new Map(Object.entries({
  attn_norm: "input_layernorm",
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_output: "self_attn.o_proj",
  ffn_norm: "post_attention_layernorm",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
}));

/**
 * Hugging Face's name of a GGUF tensor (`blk.0.attn_q.weight` → `model.layers.0.self_attn.q_proj.weight`); a name that
 * is none of Llama's or Qwen2's stays as it is.
 */
export function huggingFaceName(name: string): string {
  const [, layer, module, kind] = name.match(/^(?:blk\.(0|[1-9]\d*)\.)?([a-z_]+)\.(weight|bias)$/) ?? [];
  const renamed = layer === undefined ? WHOLE_MODEL.get(module) : IN_LAYER.get(module);
  if (renamed === undefined) return name;
  return layer === undefined ? `${renamed}.${kind}` : `model.layers.${layer}.${renamed}.${kind}`;
}

/**
 * Puts the rows of a Llama q or k projection back into Hugging Face's order. llama.cpp's converter interleaves the two
 * halves of each head (its `permute`): row 2j + i of a head in the file is row i · head_dim/2 + j of the head.
 *
 * @param values `[heads · head_dim, columns]`, row-major
 * @returns the same shape, in memory of its own
 */
export function restoreRotaryOrder<Numbers extends RowNumbers>(
  values: Numbers,
  heads: number,
  headDim: number,
): Numbers {
  const columns = values.length / (heads * headDim);
  const restored = values.slice() as Numbers;
  for (let row = 0; row < heads * headDim; row++) {
    const inHead = row % headDim;
    const half = Math.floor(inHead / (headDim / 2));
    const stored = row - inHead + 2 * (inHead - half * (headDim / 2)) + half;
    restored.set(values.subarray(stored * columns, (stored + 1) * columns), row * columns);
  }
  return restored;
}
