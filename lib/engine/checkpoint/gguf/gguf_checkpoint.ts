import type { ByteSource } from "../../../files/byte_source.ts";
import { familyNamed } from "../architecture/families.ts";
import {
  checkTensors,
  cutPacked,
  huggingFaceNames,
  type StoredTensor,
  tensorReaders,
} from "../architecture/tensors.ts";
import type { CheckpointContent } from "../checkpoint.ts";
import { ggufConfig, ROPE_TENSORS } from "./gguf_config.ts";
import { ggufTokenizer } from "./gguf_tokenizer.ts";
import { readGgufParts } from "./split_gguf.ts";

/**
 * Reads a GGUF file's configuration, tokenizer and table of tensors under Hugging Face's names; weights are read when
 * asked for.
 *
 * @param sources the file, or all parts of a split one in their order
 * @throws {SyntaxError} if the file is malformed, or its tensors do not fit its configuration
 * @throws {RangeError} if the engine does not run the model
 */
export function ggufCheckpoint(...sources: readonly ByteSource[]): CheckpointContent {
  const gguf = readGgufParts(sources);
  const config = ggufConfig(gguf);
  const names = huggingFaceNames(config);
  const stored = new Map<string, StoredTensor>();
  for (const tensor of gguf.tensors.values()) {
    if (ROPE_TENSORS.has(tensor.name)) continue;
    const name = names.get(tensor.name) ?? tensor.name;
    if (stored.has(name)) throw new SyntaxError(`Cannot read GGUF as it holds ${name} under two names`);
    stored.set(name, tensor);
  }
  const tensors = cutPacked(config, stored);
  checkTensors(config, tensors);
  return {
    config,
    tensors,
    tokenizer: ggufTokenizer(gguf.metadata),
    ...tensorReaders(config, tensors, familyNamed(config.architecture).gguf),
  };
}
