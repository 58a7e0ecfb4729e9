import { BYTE_LEVEL, byteCharacters, GPT2_PATTERN, inSequence, type PreTokenizer, splitAt } from "./byte_level.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * Rewrites a tokenizer.json so that Tokenizers.js gives the ids of the reference implementation (the Rust crate
 * `tokenizers`) on every text. It replaces the steps in which the two differ by equivalent ones:
 * - `Digits` knows Unicode's numbers there, ASCII's digits here;
 * - `ByteLevel`'s own pattern knows Unicode's white space there, JavaScript's here (U+0085 and U+FEFF differ);
 * - bytes that the vocabulary lacks are dropped before merging there, and block merges here.
 */
export function matchReference(tokenizer: Json): Json {
  const steps = isObject(tokenizer.pre_tokenizer) ? [rewrite(tokenizer.pre_tokenizer)] : [];
  const missing = steps.length > 0 && isObject(tokenizer.model) ? missingBytes(tokenizer.model, steps[0]) : [];
  if (missing.length > 0) {
    const pattern = { Regex: `[${missing.map((character) => `\\u${hex(character)}`).join("")}]` };
    steps.push({ type: "Replace", pattern, content: "" });
  }
  // The library looks for these keys, and the reference takes them as null where they are absent.
  const absent = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, added_tokens: [] };
  return { ...absent, ...tokenizer, ...(steps.length > 0 ? { pre_tokenizer: inSequence(...steps) } : {}) };
}

function rewrite(step: Json): PreTokenizer {
  if (step.type === "Sequence" && Array.isArray(step.pretokenizers)) {
    return { ...step, pretokenizers: step.pretokenizers.map((inner) => isObject(inner) ? rewrite(inner) : inner) };
  }
  if (step.type === "Digits") return splitAt(step.individual_digits === true ? String.raw`\p{N}` : String.raw`\p{N}+`);
  if (step.type === "ByteLevel" && step.use_regex !== false && step.add_prefix_space === false) {
    return inSequence(splitAt(GPT2_PATTERN), BYTE_LEVEL);
  }
  return step;
}

/** The characters that stand for bytes which byte-level BPE without an unknown token cannot spell. */
function missingBytes(model: Json, step: PreTokenizer): string[] {
  const { vocab, unk_token, byte_fallback } = model;
  const drops = model.type === "BPE" && (unk_token ?? null) === null && byte_fallback !== true;
  if (!drops || !isObject(vocab) || !spellsBytes(step)) return [];
  return byteCharacters().filter((character) => !(character in vocab));
}

function spellsBytes(step: unknown): boolean {
  if (!isObject(step)) return false;
  return step.type === "ByteLevel" || (Array.isArray(step.pretokenizers) && step.pretokenizers.some(spellsBytes));
}

function hex(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(4, "0");
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
