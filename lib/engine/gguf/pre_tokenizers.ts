import { BYTE_LEVEL, GPT2_PATTERN, inSequence, type PreTokenizer, splitAt } from "../pre_tokenizers.ts";

/** What a `tokenizer.ggml.pre` name stands for, as the models' own tokenizer.json files have it. */
export interface NamedPreTokenizer {
  readonly preTokenizer: PreTokenizer;
  readonly normalizer: Readonly<Record<string, unknown>> | null;
  /** Words that are tokens stay whole, whatever the merges say. */
  readonly ignoreMerges: boolean;
}

/** Words of Qwen2 and Llama 3 but for their numbers, which come in runs of up to `digits`. */
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

/** By the name in the file. */
export const PRE_TOKENIZERS: ReadonlyMap<string, NamedPreTokenizer> = new Map([
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
