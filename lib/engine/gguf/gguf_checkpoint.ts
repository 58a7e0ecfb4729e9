import type { ByteSource } from "../byte_source.ts";
import type { CheckpointContent } from "../checkpoint_content.ts";
import { checkTensors } from "../expected_tensors.ts";
import { readValues } from "../tensor_format.ts";
import { ggufConfig } from "./gguf_config.ts";
import { ggufTokenizer } from "./gguf_tokenizer.ts";
import { type GgufTensor, readGguf } from "./read_gguf.ts";
import { restoreRotaryOrder } from "./restore_rotary_order.ts";
import { huggingFaceName } from "./tensor_names.ts";

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
  return {
    config,
    tensors,
    tokenizer: ggufTokenizer(gguf.metadata),
    readTensor: (name) => {
      const tensor = tensors.get(name);
      if (tensor === undefined) throw new RangeError(`Cannot read the tensor ${name} as the checkpoint has none of it`);
      const values = readValues(source, tensor.offset, tensor.count, tensor.format);
      const [, projection] = name.match(/\.([qk])_proj\.weight$/) ?? [];
      if (projection === undefined || config.architecture !== "llama") return values;
      const heads = projection === "q" ? config.numAttentionHeads : config.numKeyValueHeads;
      return restoreRotaryOrder(values, heads, config.headDim);
    },
  };
}
