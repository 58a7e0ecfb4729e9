import { createFields, type Fields } from "../../../files/fields.ts";
import { BYTE_LEVEL, GPT2_PATTERN, inSequence, type PreTokenizer, splitAt } from "../../tokenizer/byte_level.ts";
import type { TokenizerFiles } from "../../tokenizer/tokenizer.ts";
import type { Metadata } from "./read_gguf.ts";

/** llama.cpp's kinds of tokens. */
const CONTROL = 3;
const USER_DEFINED = 4;
const UNUSED = 5;

/**
 * Rebuilds a tokenizer's files from a GGUF's vocabulary, merges, token types, pre-tokenizer name and chat template.
 *
 * @throws {RangeError} if the tokenizer is not byte-level BPE with one of the known pre-tokenizers
 * @throws {SyntaxError} if its lists are malformed or contradict each other
 */
export function ggufTokenizer(metadata: Metadata): TokenizerFiles {
  const fields = createFields((key) => metadata.get(`tokenizer.${key}`), "the GGUF metadata of its tokenizer");
  const model = fields.text("ggml.model");
  if (model !== "gpt2") {
    throw new RangeError(
      `Cannot use the tokenizer ${model ?? "(none)"} of this GGUF: supported is gpt2, byte-level BPE`,
    );
  }
  const name = fields.text("ggml.pre");
  const pre = PRE_TOKENIZERS.get(name ?? "");
  if (pre === undefined) {
    const known = [...PRE_TOKENIZERS.keys()].join(", ");
    throw new RangeError(
      `Cannot use the pre-tokenizer ${name ?? "(none)"} of this GGUF: the supported ones are ${known}`,
    );
  }
  const tokens = texts(fields, "ggml.tokens");
  const types = fields.integers("ggml.token_type");
  if (types.length !== tokens.length) {
    throw new SyntaxError(`Cannot read the tokenizer as ${tokens.length} tokens have ${types.length} types`);
  }
  return {
    tokenizer: {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: addedTokens(tokens, types),
      normalizer: pre.normalizer,
      pre_tokenizer: pre.preTokenizer,
      post_processor: null,
      decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: {
        type: "BPE",
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: pre.ignoreMerges,
        vocab: vocabulary(tokens, types),
        merges: texts(fields, "ggml.merges").map(splitMerge),
      },
    },
    config: {
      clean_up_tokenization_spaces: false,
      tokenizer_class: "PreTrainedTokenizerFast",
      ...namedTokens(fields, tokens),
      ...(fields.text("chat_template") === undefined ? {} : { chat_template: fields.text("chat_template") }),
    },
  };
}

function texts(fields: Fields, key: string): readonly string[] {
  const found = fields.value(key);
  if (Array.isArray(found) && found.every((text) => typeof text === "string")) return found;
  throw new SyntaxError(`Cannot read the tokenizer as ${key} must be a list of texts`);
}

function vocabulary(tokens: readonly string[], types: readonly number[]): Record<string, number> {
  const vocabulary: Record<string, number> = Object.create(null); // a token may be called __proto__
  tokens.forEach((token, id) => {
    if (token in vocabulary) {
      throw new SyntaxError(`Cannot read the tokenizer as the token ${JSON.stringify(token)} is there twice`);
    }
    if (types[id] !== UNUSED) vocabulary[token] = id;
  });
  return vocabulary;
}

function addedTokens(tokens: readonly string[], types: readonly number[]): Record<string, unknown>[] {
  return tokens.flatMap((content, id) => {
    if (types[id] !== CONTROL && types[id] !== USER_DEFINED) return [];
    const special = types[id] === CONTROL;
    return [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special }];
  });
}

/** A merge is two tokens and a space between them; the first may itself begin with a space. */
function splitMerge(merge: string): [string, string] {
  const space = merge.indexOf(" ", 1);
  if (space > 0 && space < merge.length - 1) return [merge.slice(0, space), merge.slice(space + 1)];
  throw new SyntaxError(`Cannot read the tokenizer as the merge ${JSON.stringify(merge)} is not two tokens`);
}

const NAMED_TOKENS = { bos_token: "bos", eos_token: "eos", unk_token: "unknown", pad_token: "padding" };

function namedTokens(fields: Fields, tokens: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(NAMED_TOKENS).flatMap(([name, key]) => {
      const [id] = fields.integers(`ggml.${key}_token_id`);
      if (id === undefined) return [];
      if (id >= 0 && id < tokens.length) return [[name, tokens[id]]];
      throw new SyntaxError(`Cannot read the tokenizer as its ${name} ${id} is not in [0, ${tokens.length})`);
    }),
  );
}

/** The steps of a `tokenizer.ggml.pre` name, as the models' own tokenizer.json files have them. */
export interface NamedPreTokenizer {
  readonly preTokenizer: PreTokenizer;
  readonly normalizer: Readonly<Record<string, unknown>> | null;
  /** Whether words that are tokens stay whole, whatever the merges say. */
  readonly ignoreMerges: boolean;
}

/** The pattern of Qwen2's and Llama 3's words; they differ in the pattern of `digits`. */
function modernPattern(digits: string): string {
  return String
    .raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|${digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+` +
    String.raw`|\s+(?!\S)|\s+`;
}

const GPT2 = inSequence(splitAt(GPT2_PATTERN), BYTE_LEVEL);
const LLAMA3: NamedPreTokenizer = {
  preTokenizer: inSequence(splitAt(modernPattern(String.raw`\p{N}{1,3}`)), BYTE_LEVEL),
  normalizer: null,
  ignoreMerges: true,
};

/** Pre-tokenizers by their name in a GGUF file. */
const PRE_TOKENIZERS: ReadonlyMap<string, NamedPreTokenizer> = new Map([
  ["gpt-2", { preTokenizer: GPT2, normalizer: null, ignoreMerges: false }],
  [
    "smollm",
    {
      preTokenizer: inSequence({ type: "Digits", individual_digits: true }, splitAt(GPT2_PATTERN), BYTE_LEVEL),
      normalizer: null,
      ignoreMerges: false,
    },
  ],
  [
    "qwen2",
    {
      preTokenizer: inSequence(splitAt(modernPattern(String.raw`\p{N}`)), BYTE_LEVEL),
      normalizer: { type: "NFC" },
      ignoreMerges: false,
    },
  ],
  ["llama-bpe", LLAMA3],
  ["llama3", LLAMA3],
  ["llama-v3", LLAMA3],
]);
