import type { ByteSource } from "../byte_source.ts";
import type { TokenizerFiles } from "../checkpoint.ts";
import type { CheckpointContent } from "../checkpoint_content.ts";
import { checkTensors } from "../expected_tensors.ts";
import { readValues, TENSOR_FORMATS } from "../tensor_format.ts";
import { huggingFaceConfig } from "./hugging_face_config.ts";
import { readSafetensors, type SafeTensor } from "./read_safetensors.ts";

/** The parts of a Hugging Face folder. */
export interface HuggingFaceParts {
  /** The contents of config.json. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The contents of generation_config.json, where there is one. */
  readonly generation?: Readonly<Record<string, unknown>>;
  readonly tokenizer: TokenizerFiles;
  /** The weight files by name. */
  readonly weights: ReadonlyMap<string, ByteSource>;
  /** The file of each tensor, where the weights are in several. */
  readonly weightMap?: ReadonlyMap<string, string>;
}

/** The types of TENSOR_FORMATS that safetensors has too. */
const DTYPES = ["F32", "F16", "BF16"];
/** Buffers that old checkpoints keep although they follow from the configuration. */
const DERIVED = /\.rotary_emb\.inv_freq$/;
const HEAD = "lm_head.weight";

interface PlacedTensor extends SafeTensor {
  readonly source: ByteSource;
}

/**
 * Reads the shape and the tables of tensors of a Hugging Face checkpoint; weights are read when asked for.
 *
 * @throws {SyntaxError} if a file is malformed, or the tensors are not those of the configuration
 * @throws {RangeError} if the model or a tensor's type is not supported
 */
export function safetensorsCheckpoint(parts: HuggingFaceParts): CheckpointContent {
  const config = huggingFaceConfig(parts.config, parts.generation);
  const tensors = placeTensors(parts);
  for (const name of tensors.keys()) {
    const spare = DERIVED.test(name) || (name === HEAD && config.tieWordEmbeddings);
    if (spare) tensors.delete(name);
  }
  if (!tensors.has(HEAD) && !config.tieWordEmbeddings) {
    throw new SyntaxError(
      `Cannot use the checkpoint as ${HEAD} is missing and tie_word_embeddings is not true in config.json`,
    );
  }
  checkTensors(config, tensors);
  for (const { name, dtype } of tensors.values()) {
    if (!DTYPES.includes(dtype)) {
      throw new RangeError(`Cannot read tensor ${name} of type ${dtype}: the supported types are ${DTYPES.join(", ")}`);
    }
  }
  return {
    config,
    tensors,
    tokenizer: parts.tokenizer,
    readTensor: (name) => {
      const tensor = tensors.get(name);
      if (tensor === undefined) throw new RangeError(`Cannot read the tensor ${name} as the checkpoint has none of it`);
      return readValues(tensor.source, tensor.offset, tensor.count, TENSOR_FORMATS[tensor.dtype]);
    },
  };
}

function placeTensors({ weights, weightMap }: HuggingFaceParts): Map<string, PlacedTensor> {
  const tensors = new Map<string, PlacedTensor>();
  for (const [file, source] of weights) {
    for (const tensor of readSafetensors(source).values()) {
      if (weightMap !== undefined && weightMap.get(tensor.name) !== file) {
        throw new SyntaxError(
          `Cannot use the checkpoint as ${file} holds ${tensor.name}, which the index puts ` +
            `${weightMap.has(tensor.name) ? `in ${weightMap.get(tensor.name)}` : "nowhere"}`,
        );
      }
      tensors.set(tensor.name, { ...tensor, source });
    }
  }
  for (const [name, file] of weightMap ?? []) {
    if (!tensors.has(name)) {
      throw new SyntaxError(`Cannot use the checkpoint as ${file} lacks ${name}, which the index puts there`);
    }
  }
  return tensors;
}
