import { expectedTensors } from "../../../lib/engine/checkpoint/architecture/tensors.ts";
import { writeSafetensors } from "../../../lib/engine/checkpoint/safetensors/encode_safetensors.ts";
import { huggingFaceConfig } from "../../../lib/engine/checkpoint/safetensors/hugging_face_config.ts";
import { byteCharacters } from "../../../lib/engine/tokenizer/byte_level.ts";
import { builtFolder } from "../../../lib/files/built_folder.ts";
import { holdFolder } from "../../../lib/files/held_folder.ts";
import { startSystem } from "../workers/system_process.ts";
import { prepareSystem } from "../workers/systems.ts";
import type { RunContext } from "./run_context.ts";

/** Starts of a model that is built already. */
const WARM_STARTS = 3;

/**
 * What a start of a model of Qwen2.5-0.5B's shape takes with int8 weights: `load_0.5b_cold`, where its decoder has to be
 * built, `load_0.5b_warm`, where it is there, and what is resident then beside the bytes of the built weights.
 */
export async function measureLargeLoad({ rows, signal }: RunContext): Promise<void> {
  const path = await randomModel();
  const launch = await prepareSystem("kvmirror", { name: "qwen2.5-0.5b, random weights", path, source: "drawn here" });
  const add = (metric: string, unit: "ms" | "bytes", value: number) =>
    rows.add({ system: "kvmirror", metric: `load_0.5b_${metric}`, context: 0, unit }, value);
  await using folder = await holdFolder("kvmirror-bench-");
  for (let start = 0; start <= WARM_STARTS; start++) {
    await using process = await startSystem({ ...launch, env: { KVMIRROR_CACHE: folder.path } }, signal);
    add(start === 0 ? "cold" : "warm", "ms", process.loadMs);
    if (start > 0) add("resident", "bytes", process.facts.loadedBytes);
    await rows.step();
  }
  add("weights", "bytes", await bytesUnder(`${folder.path}/models`));
}

async function bytesUnder(folder: string): Promise<number> {
  let bytes = 0;
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    bytes += isDirectory ? await bytesUnder(path) : (await Deno.stat(path)).size;
  }
  return bytes;
}

/** Raised whenever what is written changes. */
const FOLDER_VERSION = 1;

/** Qwen2.5-0.5B-Instruct's shape (https://huggingface.co/Qwen/Qwen2.5-0.5B-Instruct). */
const QWEN_CONFIG = {
  model_type: "qwen2",
  vocab_size: 151_936,
  hidden_size: 896,
  intermediate_size: 4864,
  num_hidden_layers: 24,
  num_attention_heads: 14,
  num_key_value_heads: 2,
  max_position_embeddings: 32_768,
  rope_theta: 1_000_000,
  rms_norm_eps: 1e-6,
  hidden_act: "silu",
  tie_word_embeddings: true,
  eos_token_id: 151_645,
};
const SPECIAL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];
const WORDS = 151_643;

/**
 * A checkpoint of Qwen2.5-0.5B's shape whose weights are drawn, in the cache: it says what a model of that size costs
 * where the real one cannot be had, and nothing more. Some 990 MB, as the real one has, and a vocabulary as large.
 *
 * @returns the path of a Hugging Face folder
 */
export async function randomModel(): Promise<string> {
  return await builtFolder(`peers/random/qwen2.5-0.5b-${FOLDER_VERSION}`, async (folder) => {
    await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(QWEN_CONFIG));
    await Deno.writeTextFile(`${folder}/tokenizer.json`, JSON.stringify(syntheticTokenizer()));
    await Deno.writeTextFile(`${folder}/tokenizer_config.json`, JSON.stringify({ eos_token: "<|im_end|>" }));
    const draw = xorshift(42);
    writeSafetensors(`${folder}/model.safetensors`, {
      dtype: "BF16",
      shapes: expectedTensors(huggingFaceConfig(QWEN_CONFIG)),
      bytesOf: (name, shape) => {
        const values = new Uint16Array(shape.reduce((product, size) => product * size, 1));
        // Norms are 1; of other numbers sign and fraction are drawn, and their magnitude is 1/64 to 1/32.
        if (name.includes("norm")) values.fill(0x3f80);
        else for (let index = 0; index < values.length; index++) values[index] = 0x3c80 | (draw() & 0x807f);
        return new Uint8Array(values.buffer);
      },
    });
  });
}

/** Words of two bytes, then of three: as many tokens and merges as the real vocabulary has. */
function syntheticTokenizer(): Record<string, unknown> {
  const bytes = byteCharacters();
  const merges: [string, string][] = [];
  const words = new Map(bytes.map((byte, id) => [byte, id]));
  const merge = (left: string, right: string) => {
    merges.push([left, right]);
    words.set(left + right, words.size);
  };
  for (const left of bytes) for (const right of bytes) merge(left, right);
  for (let pair = 0; words.size < WORDS; pair++) {
    const [left, right] = merges[Math.floor(pair / bytes.length)];
    merge(left + right, bytes[pair % bytes.length]);
  }
  const special = SPECIAL_TOKENS.map((content, index) => ({
    ...{ id: WORDS + index, content, special: true },
    ...{ single_word: false, lstrip: false, rstrip: false, normalized: false },
  }));
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: true };
  return {
    version: "1.0",
    added_tokens: special,
    normalizer: { type: "NFC" },
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: { type: "BPE", ignore_merges: false, vocab: Object.fromEntries(words), merges },
  };
}

/** Marsaglia's xorshift (2003, https://doi.org/10.18637/jss.v008.i14): 32 bits a call. */
function xorshift(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
