import type { TokenizerFiles } from "./checkpoint.ts";
import { openFileSource } from "./file_source.ts";
import { parseJsonObject } from "./json_object.ts";
import type { HuggingFaceParts } from "./safetensors/safetensors_checkpoint.ts";
import { readWeightMap } from "./safetensors/read_weight_map.ts";

const WEIGHTS = "model.safetensors";
const INDEX = "model.safetensors.index.json";
const CONFIG = "config.json";

/** Bytes of a JSON file: the largest known, tokenizers of 262,144 tokens, have some 35 MB. */
const MAX_JSON_BYTES = 1 << 28;
/** Weight files of one model: the largest known has some 200. */
const MAX_SHARDS = 1024;

/** An opened Hugging Face folder: its parts, and the files that what the model computes depends on. */
export interface HuggingFaceFolder {
  readonly parts: HuggingFaceParts;
  /** config.json and the weights, by name. */
  readonly files: readonly string[];
}

/**
 * Opens a Hugging Face folder: config.json, model.safetensors or its shards, tokenizer.json and, where they are there,
 * generation_config.json, tokenizer_config.json and chat_template.jinja.
 *
 * @param opened takes the open weight files, to be closed by whoever called, also when this throws
 * @throws {RangeError} if a file is missing or too large
 * @throws {SyntaxError} if a file is malformed
 */
export function openHuggingFaceFolder(folder: string, opened: DisposableStack): HuggingFaceFolder {
  const config = needJson(folder, CONFIG);
  const index = hasFile(`${folder}/${WEIGHTS}`) ? undefined : readJson(folder, INDEX);
  const weightMap = index === undefined ? undefined : readWeightMap(index);
  const shards = weightMap === undefined ? [WEIGHTS] : [...new Set(weightMap.values())].sort();
  if (shards.length > MAX_SHARDS) {
    throw new RangeError(`Cannot open the ${shards.length} weight files of the index: the limit is ${MAX_SHARDS}`);
  }
  for (const shard of shards) {
    if (!hasFile(`${folder}/${shard}`)) {
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
  const tokenizer = needJson(folder, "tokenizer.json");
  const config = readJson(folder, "tokenizer_config.json") ?? {};
  const template = readBytes(folder, "chat_template.jinja");
  if (template === undefined) return { tokenizer, config };
  return { tokenizer, config: { ...config, chat_template: new TextDecoder().decode(template) } };
}

function needJson(folder: string, name: string): Record<string, unknown> {
  const found = readJson(folder, name);
  if (found !== undefined) return found;
  throw new RangeError(`Cannot open the checkpoint as ${name} is not there: a Hugging Face folder has one`);
}

function readJson(folder: string, name: string): Record<string, unknown> | undefined {
  const bytes = readBytes(folder, name);
  return bytes === undefined ? undefined : parseJsonObject(bytes, name);
}

function readBytes(folder: string, name: string): Uint8Array | undefined {
  if (!hasFile(`${folder}/${name}`)) return undefined;
  using source = openFileSource(`${folder}/${name}`);
  if (source.size <= MAX_JSON_BYTES) return source.read(0, source.size);
  throw new RangeError(`Cannot read ${name} as it has ${source.size} bytes: the limit is ${MAX_JSON_BYTES}`);
}

function hasFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
