import { createFields, type Fields } from "../../../files/fields.ts";
import type { TokenizerFiles } from "../../tokenizer/tokenizer.ts";
import { addedTokens, type GgufVocabulary, listOfTexts, readVocabulary, vocabularyByText } from "./gguf_vocabulary.ts";
import { PRE_TOKENIZERS, type PreTokenizerRule } from "./pre_tokenizers.ts";
import type { Metadata } from "./read_gguf.ts";
import { spmTokenizer } from "./spm_tokenizer.ts";
import { quoted } from "../../../files/quoted.ts";

type Json = Readonly<Record<string, unknown>>;

/** Ids that llama.cpp takes where a file with SentencePiece's tokens is silent. */
const SPM_DEFAULTS: Readonly<Record<string, number>> = { bos: 1, eos: 2, unknown: 0 };

/**
 * Rebuilds a tokenizer's files from a GGUF's vocabulary, merges or scores, token types, flags and chat template.
 *
 * @throws {RangeError} if the tokenizer is neither SentencePiece's BPE nor byte-level BPE with a known pre-tokenizer, or
 * asks for what the engine does not do
 * @throws {SyntaxError} if its lists are malformed or contradict each other
 */
export function ggufTokenizer(metadata: Metadata): TokenizerFiles {
  const fields = createFields((key) => metadata.get(`tokenizer.${key}`), "the GGUF metadata of its tokenizer");
  const isSpm = isSentencePiece(fields.text("ggml.model"));
  const rule = isSpm ? undefined : namedRule(fields.text("ggml.pre"));
  for (const key of ["ggml.suppress_tokens", "ggml.add_sep_token"]) refuseUnlessOff(fields, key);
  const vocabulary = readVocabulary(fields);
  const { tokens } = vocabulary;
  const general = createFields((key) => metadata.get(key), "the GGUF metadata");
  const steps = rule === undefined
    ? spmTokenizer(fields, vocabulary, general.text("general.name") ?? "")
    : byteLevelTokenizer(fields, vocabulary, rule);
  const template = fields.text("chat_template");
  const named = namedTokens(fields, tokens, isSpm ? SPM_DEFAULTS : {});
  const addsBos = named.bos_token !== undefined && (rule === undefined || rule.addBos === true);
  return {
    tokenizer: { version: "1.0", truncation: null, padding: null, post_processor: null, ...steps },
    config: {
      clean_up_tokenization_spaces: false,
      tokenizer_class: "PreTrainedTokenizerFast",
      ...named,
      add_bos_token: fields.flag("ggml.add_bos_token", addsBos),
      add_eos_token: fields.flag("ggml.add_eos_token", false),
      ...(template === undefined ? {} : { chat_template: template }),
    },
    templateBos: "added",
  };
}

/** The kinds of tokenizers by their names in a GGUF file. */
const KINDS: Readonly<Record<string, "SentencePiece" | "byte level">> = { llama: "SentencePiece", gpt2: "byte level" };

function isSentencePiece(model = ""): boolean {
  if (Object.hasOwn(KINDS, model)) return KINDS[model] === "SentencePiece";
  throw new RangeError(
    `Cannot use the tokenizer ${model || "(none)"} of this GGUF: supported are llama, SentencePiece's BPE, and gpt2, ` +
      "byte-level BPE",
  );
}

function namedRule(name: string | undefined): PreTokenizerRule {
  const rule = PRE_TOKENIZERS.find(({ names }) => name !== undefined && names.includes(name));
  if (rule !== undefined) return rule;
  const known = PRE_TOKENIZERS.flatMap(({ names }) => names).join(", ");
  throw new RangeError(
    `Cannot use the pre-tokenizer ${name ?? "(none)"} of this GGUF: the supported ones are ${known}`,
  );
}

function refuseUnlessOff(fields: Fields, key: string): void {
  const value = fields.value(key) ?? false;
  if (value === false || (Array.isArray(value) && value.length === 0)) return;
  throw new RangeError(
    `Cannot use the tokenizer of this GGUF as ${key} is ${quoted(value)}: supported is none`,
  );
}

function byteLevelTokenizer(fields: Fields, vocabulary: GgufVocabulary, rule: PreTokenizerRule): Json {
  return {
    added_tokens: addedTokens(vocabulary),
    normalizer: rule.normalizer === undefined ? null : { type: rule.normalizer },
    pre_tokenizer: rule.preTokenizer,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: rule.ignoreMerges === true,
      vocab: vocabularyByText(vocabulary),
      merges: listOfTexts(fields, "ggml.merges").map(splitMerge),
    },
  };
}

/** A merge is two tokens and a space between them; the first may itself begin with a space. */
function splitMerge(merge: string): [string, string] {
  const space = merge.indexOf(" ", 1);
  if (space > 0 && space < merge.length - 1) return [merge.slice(0, space), merge.slice(space + 1)];
  throw new SyntaxError(`Cannot read the tokenizer as the merge ${quoted(merge)} is not two tokens`);
}

const NAMED_TOKENS = { bos_token: "bos", eos_token: "eos", unk_token: "unknown", pad_token: "padding" };

function namedTokens(
  fields: Fields,
  tokens: readonly string[],
  defaults: Readonly<Record<string, number>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(NAMED_TOKENS).flatMap(([name, key]) => {
      const [given] = fields.integers(`ggml.${key}_token_id`);
      const id = given ?? (defaults[key] < tokens.length ? defaults[key] : undefined);
      if (id === undefined) return [];
      if (id >= 0 && id < tokens.length) return [[name, tokens[id]]];
      throw new SyntaxError(`Cannot read the tokenizer as its ${name} ${id} is not in [0, ${tokens.length})`);
    }),
  );
}
