import { type ByteSource, openFileSource } from "../../../files/byte_source.ts";
import { fileSize } from "../../../files/exists.ts";
import { parseJsonObject } from "../../../files/json_object.ts";
import { decodeText } from "../../../files/text_file.ts";
import { withLegacyTokens } from "../../tokenizer/special_tokens.ts";
import type { TokenizerFiles } from "../../tokenizer/tokenizer.ts";
import { familyNamed } from "../architecture/families.ts";
import { checkTensors, cutPacked, type StoredTensor, tensorReaders } from "../architecture/tensors.ts";
import type { CheckpointContent } from "../checkpoint.ts";
import { checkGeneration } from "./generation_config.ts";
import { huggingFaceConfig } from "./hugging_face_config.ts";
import { readSafetensors } from "./read_safetensors.ts";
import { readWeightMap } from "./shard_index.ts";

const WEIGHTS = "model.safetensors";
const INDEX = "model.safetensors.index.json";
const CONFIG = "config.json";
const TOKENIZER = "tokenizer.json";

/** Bytes of a JSON file: an index of 100,000 tensors has some 10 MB, a configuration some KB. */
const MAX_JSON_BYTES = 1 << 24;
/** Bytes of tokenizer.json: the largest known, of 262,144 tokens, have some 35 MB. */
const MAX_TOKENIZER_BYTES = 1 << 27;
/** Bytes of a chat template: the longest known stay below 100 KB. */
const MAX_TEMPLATE_BYTES = 1 << 20;
/** Weight files of one model: the largest known has some 200. */
const MAX_SHARDS = 1024;

/** An opened Hugging Face folder. */
export interface HuggingFaceFolder {
  readonly parts: HuggingFaceParts;
  /** The files that the model's numbers depend on, by name: config.json and the weights. */
  readonly files: readonly string[];
}

/**
 * Opens a Hugging Face folder: config.json, model.safetensors or its shards, tokenizer.json and, where they exist,
 * generation_config.json, tokenizer_config.json, chat_template.jinja, special_tokens_map.json and added_tokens.json.
 *
 * @param opened takes the open weight files; the caller disposes of it, also after an error
 * @throws {RangeError} if a file is missing or too large
 * @throws {SyntaxError} if a file is malformed
 */
export function openHuggingFaceFolder(folder: string, opened: DisposableStack): HuggingFaceFolder {
  const config = requireJson(folder, CONFIG);
  const index = fileSize(`${folder}/${WEIGHTS}`) !== undefined ? undefined : readJson(folder, INDEX);
  const weightMap = index === undefined ? undefined : readWeightMap(index);
  const shards = weightMap === undefined ? [WEIGHTS] : [...new Set(weightMap.values())].sort();
  if (shards.length > MAX_SHARDS) {
    throw new RangeError(`Cannot open the ${shards.length} weight files of the index: the limit is ${MAX_SHARDS}`);
  }
  for (const shard of shards) {
    if (fileSize(`${folder}/${shard}`) === undefined) {
      throw new RangeError(
        `Cannot open the weights as ${shard} is not there: supported is ${WEIGHTS}, whole or in shards`,
      );
    }
  }
  const weights = new Map(shards.map((shard) => [shard, opened.use(openFileSource(`${folder}/${shard}`))]));
  const parts = { config, generation: readJson(folder, "generation_config.json"), tokenizer: readTokenizer(folder) };
  return { parts: { ...parts, weights, weightMap }, files: [CONFIG, ...shards] };
}

function readTokenizer(folder: string): TokenizerFiles {
  const tokenizer = requireJson(folder, "tokenizer.json");
  const config = withLegacyTokens(readJson(folder, "tokenizer_config.json") ?? {}, {
    named: readJson(folder, "special_tokens_map.json"),
    added: readJson(folder, "added_tokens.json"),
  });
  const template = readBytes(folder, "chat_template.jinja", MAX_TEMPLATE_BYTES);
  if (template === undefined) return { tokenizer, config };
  return { tokenizer, config: { ...config, chat_template: decodeText(template, "chat_template.jinja") } };
}

function requireJson(folder: string, name: string): Record<string, unknown> {
  const found = readJson(folder, name);
  if (found !== undefined) return found;
  throw new RangeError(`Cannot open the checkpoint as ${name} is not there: a Hugging Face folder has one`);
}

function readJson(folder: string, name: string): Record<string, unknown> | undefined {
  const bytes = readBytes(folder, name, name === TOKENIZER ? MAX_TOKENIZER_BYTES : MAX_JSON_BYTES);
  return bytes === undefined ? undefined : parseJsonObject(bytes, name);
}

function readBytes(folder: string, name: string, limit: number): Uint8Array | undefined {
  if (fileSize(`${folder}/${name}`) === undefined) return undefined;
  using source = openFileSource(`${folder}/${name}`);
  if (source.size <= limit) return source.read(0, source.size);
  throw new RangeError(`Cannot read ${name} as it has ${source.size} bytes: the limit is ${limit}`);
}

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

/** The types of {@linkcode TENSOR_FORMATS} that safetensors has. */
export const SAFETENSORS_TYPES: readonly string[] = ["F32", "F16", "BF16"];
/** Buffers in old checkpoints that follow from the configuration. */
const DERIVED = /\.rotary_emb\.inv_freq$/;
const HEAD = "lm_head.weight";

/**
 * Reads the configuration and the tables of tensors of a Hugging Face checkpoint; weights are read on demand.
 *
 * @throws {SyntaxError} if a file is malformed, or the tensors do not fit the configuration
 * @throws {RangeError} if the model or a tensor's type is not supported
 */
export function safetensorsCheckpoint(parts: HuggingFaceParts): CheckpointContent {
  checkGeneration(parts.generation ?? {});
  const config = huggingFaceConfig(parts.config, parts.generation);
  const stored = storedTensors(parts);
  for (const [name, { dtype }] of stored) {
    const spare = DERIVED.test(name) || (name === HEAD && config.tieWordEmbeddings);
    if (spare) stored.delete(name);
    else if (!SAFETENSORS_TYPES.includes(dtype)) {
      throw new RangeError(
        `Cannot read tensor ${name} of type ${dtype}: the supported types are ${SAFETENSORS_TYPES.join(", ")}`,
      );
    }
  }
  const tensors = cutPacked(config, stored);
  if (!tensors.has(HEAD) && !config.tieWordEmbeddings) {
    throw new SyntaxError(
      `Cannot use the checkpoint as ${HEAD} is missing and tie_word_embeddings is not true in config.json`,
    );
  }
  checkTensors(config, tensors);
  return {
    config,
    tensors,
    tokenizer: parts.tokenizer,
    ...tensorReaders(config, tensors, familyNamed(config.architecture).huggingFace),
  };
}

function storedTensors({ weights, weightMap }: HuggingFaceParts): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  for (const [file, source] of weights) {
    for (const tensor of readSafetensors(source).values()) {
      if (weightMap !== undefined && weightMap.get(tensor.name) !== file) {
        if (DERIVED.test(tensor.name) && !weightMap.has(tensor.name)) continue;
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
