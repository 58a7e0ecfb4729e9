import { BYTE_LEVEL, GPT2_PATTERN, inSequence, type PreTokenizer, splitAt } from "../../tokenizer/byte_level.ts";

/** How byte-level BPE divides a text before merging, by the names of `tokenizer.ggml.pre`. */
export interface PreTokenizerRule {
  /** The names that llama.cpp's converter gives the rule. */
  readonly names: readonly string[];
  /** The steps, as the models' own tokenizer.json files have them. */
  readonly preTokenizer: PreTokenizer;
  /** The form that Unicode text is brought into first, where the models' own files say so. */
  readonly normalizer?: "NFC";
  /** Whether words that are tokens stay whole, whatever the merges say. */
  readonly ignoreMerges?: true;
  /** Whether the token that begins a text is added where the file is silent (`tokenizer.ggml.add_bos_token`). */
  readonly addBos?: true;
}

const CONTRACTION = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const WHITE_SPACE = String.raw`\s+(?!\S)|\s+`;
const DIGITS: PreTokenizer = { type: "Digits", individual_digits: true };

/** The pattern of Llama 3's and Qwen2's words; they differ in the pattern of `digits`. */
function llama3Pattern(digits: string): string {
  const symbols = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+`;
  return String.raw`${CONTRACTION}|[^\r\n\p{L}\p{N}]?\p{L}+|${digits}|${symbols}|${WHITE_SPACE}`;
}

/** The pattern of GPT-4o's words, which end where lower case turns into upper case. */
function casedPattern({ contraction, digits }: { contraction: string; digits: string }): string {
  const [upper, lower] = [String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`, String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`];
  const first = String.raw`[^\r\n\p{L}\p{N}]?`;
  const words = `${first}${upper}*${lower}+${contraction}|${first}${upper}+${lower}*${contraction}`;
  const symbols = String.raw` ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+`;
  return `${words}|${digits}|${symbols}|${WHITE_SPACE}`;
}

/** Seed's pattern: as Qwen2's, but symbols do not reach over a line's end. */
const SEED_PATTERN = String
  .raw`${CONTRACTION}|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|${WHITE_SPACE}`;

const ONE_DIGIT = String.raw`\p{N}`;
const THREE_DIGITS = String.raw`\p{N}{1,3}`;

function bytesOf(...steps: readonly PreTokenizer[]): PreTokenizer {
  return inSequence(...steps, BYTE_LEVEL);
}

const GPT2 = bytesOf(splitAt(GPT2_PATTERN));
const GPT2_OF_DIGITS = bytesOf(DIGITS, splitAt(GPT2_PATTERN));
const LLAMA3 = bytesOf(splitAt(llama3Pattern(THREE_DIGITS)));
const QWEN2 = bytesOf(splitAt(llama3Pattern(ONE_DIGIT)));
const TEKKEN = bytesOf(splitAt(casedPattern({ contraction: "", digits: ONE_DIGIT })));
const GPT4O = bytesOf(splitAt(casedPattern({ contraction: `${CONTRACTION}?`, digits: THREE_DIGITS })));
const SEED = bytesOf(splitAt(SEED_PATTERN));

/** Every rule that the engine knows. A model whose file names another one is refused. */
export const PRE_TOKENIZERS: readonly PreTokenizerRule[] = [
  {
    names: [
      ...["gpt-2", "phi-2", "exaone4", "granite-docling", "gigachat", "a.x-4.0", "mellum"],
      ...["jina-es", "jina-de", "jina-v2-es", "jina-v2-de"],
    ],
    preTokenizer: GPT2,
  },
  { names: ["mpt", "olmo"], preTokenizer: GPT2, normalizer: "NFC" },
  { names: ["smollm", "starcoder", "refact", "codeshell", "minerva-7b"], preTokenizer: GPT2_OF_DIGITS },
  { names: ["command-r"], preTokenizer: GPT2_OF_DIGITS, normalizer: "NFC" },
  { names: ["qwen2", "deepseek-r1-qwen", "megrez", "kormo"], preTokenizer: QWEN2, normalizer: "NFC" },
  {
    names: ["llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral", "lfm2"],
    preTokenizer: LLAMA3,
    ignoreMerges: true,
    addBos: true,
  },
  { names: ["dbrx", "smaug-bpe"], preTokenizer: LLAMA3 },
  { names: ["tekken"], preTokenizer: TEKKEN, ignoreMerges: true, addBos: true },
  { names: ["gpt-4o"], preTokenizer: GPT4O },
  { names: ["seed-coder"], preTokenizer: SEED },
];
