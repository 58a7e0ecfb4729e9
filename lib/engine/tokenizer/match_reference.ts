import { BYTE_LEVEL, byteCharacters, GPT2_PATTERN, inSequence, type PreTokenizer, splitAt } from "./byte_level.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * Rewrites a tokenizer.json so that Tokenizers.js gives the ids of the reference implementation (the Rust crate
 * `tokenizers`) on every text. It replaces the steps in which the two differ by equivalent ones, and refuses steps for
 * which there is none:
 * - `Digits` knows Unicode's numbers there, ASCII's digits here;
 * - `ByteLevel`, `Whitespace` and `Strip` know Unicode's white space there, JavaScript's here (U+0085 and U+FEFF differ);
 * - `Split`, `Punctuation` and `Metaspace` know one way to divide here;
 * - `Split` without case knows Unicode's letters there, ASCII's here;
 * - `Replace` takes its content literally there, and knows `$&` here;
 * - bytes that the vocabulary lacks are dropped before merging there, and block merges here;
 * - a decoder of bytes drops U+FEFF here: it is left out, and {@linkcode decodeByteTokens} does its work;
 * - added tokens that take white space along take JavaScript's here: the flags are left out, and `takeSpaces` does it.
 *
 * @throws {RangeError} naming the first step that the engine does not do
 * @throws {SyntaxError} if a merge names a token that the vocabulary lacks
 */
export function matchReference(tokenizer: Json): Json {
  const model = isObject(tokenizer.model) ? checkModel(tokenizer.model) : tokenizer.model;
  const steps = isObject(tokenizer.pre_tokenizer) ? [rewritePreTokenizer(tokenizer.pre_tokenizer)] : [];
  const missing = steps.length > 0 && isObject(model) ? missingBytes(model, steps[0]) : [];
  if (missing.length > 0) {
    const pattern = { Regex: `[${missing.map((character) => `\\u${hex(character)}`).join("")}]` };
    steps.push({ type: "Replace", pattern, content: "" });
  }
  // The library looks for these keys, and the reference takes them as null where they are absent.
  const absent = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
  return {
    ...absent,
    ...tokenizer,
    added_tokens: addedTokens(tokenizer.added_tokens),
    normalizer: isObject(tokenizer.normalizer) ? rewriteNormalizer(tokenizer.normalizer) : null,
    ...(steps.length > 0 ? { pre_tokenizer: inSequence(...steps) } : {}),
    decoder: isObject(tokenizer.decoder) ? rewriteDecoder(tokenizer.decoder) : null,
    post_processor: isObject(tokenizer.post_processor) ? checkPostProcessor(tokenizer.post_processor) : null,
  };
}

function refuse(what: string, value: unknown, supported: string): never {
  throw new RangeError(
    `Cannot use the tokenizer as tokenizer.json's ${what} is ${JSON.stringify(value)?.slice(0, 80)}: ` +
      `supported is ${supported}`,
  );
}

function addedTokens(given: unknown): unknown {
  if (!Array.isArray(given)) return [];
  return given.map((token) => {
    if (!isObject(token)) return token;
    if (token.single_word === true) {
      refuse(`single_word of the added token ${JSON.stringify(token.content)}`, true, "false");
    }
    return token.normalized === true ? token : { ...token, lstrip: false, rstrip: false };
  });
}

function checkModel(model: Json): Json {
  if (model.type !== undefined && model.type !== "BPE") refuse("model.type", model.type, "BPE");
  for (const key of ["dropout", "continuing_subword_prefix", "end_of_word_suffix"]) {
    const value = model[key] ?? null;
    if (value !== null && value !== "" && value !== 0) refuse(`model.${key}`, value, "none");
  }
  const { vocab, merges } = model;
  if (isObject(vocab) && Array.isArray(merges)) merges.forEach((merge) => checkMerge(merge, vocab));
  return model;
}

function checkMerge(merge: unknown, vocab: Json): void {
  const pair: unknown = typeof merge === "string" ? merge.split(" ") : merge;
  if (!Array.isArray(pair) || pair.length !== 2) {
    throw new SyntaxError(`Cannot read the tokenizer as its merge ${JSON.stringify(merge)} is not two tokens`);
  }
  const [left, right] = pair;
  for (const text of [left, right, left + right]) {
    if (Object.hasOwn(vocab, text)) continue;
    throw new SyntaxError(
      `Cannot read the tokenizer as its merge ${JSON.stringify(merge)} needs the token ${JSON.stringify(text)}, ` +
        "which the vocabulary lacks",
    );
  }
}

/** Steps whose ids are the reference's as they are. */
const PLAIN_NORMALIZERS: readonly unknown[] = ["NFC", "NFD", "NFKC", "NFKD", "Prepend"];

function rewriteNormalizer(step: Json): Json {
  if (PLAIN_NORMALIZERS.includes(step.type)) return step;
  switch (step.type) {
    case "Sequence":
      return { ...step, normalizers: rewriteAll(step.normalizers, rewriteNormalizer) };
    case "Replace":
      return literalReplace(step);
    case "Strip":
      return {
        type: "Sequence",
        normalizers: [
          ...(step.strip_left === true ? [remove(String.raw`\A\s+`)] : []),
          ...(step.strip_right === true ? [remove(String.raw`\s+\z`)] : []),
        ],
      };
    default:
      return refuse("normalizer", step.type, [...PLAIN_NORMALIZERS, "Replace", "Strip", "Sequence"].join(", "));
  }
}

function remove(pattern: string): Json {
  return { type: "Replace", pattern: { Regex: pattern }, content: "" };
}

function literalReplace(step: Json): Json {
  return typeof step.content === "string" ? { ...step, content: step.content.replaceAll("$", "$$$$") } : step;
}

function rewriteAll(steps: unknown, rewrite: (step: Json) => Json): unknown {
  return Array.isArray(steps) ? steps.map((step) => isObject(step) ? rewrite(step) : step) : steps;
}

function rewritePreTokenizer(step: Json): PreTokenizer {
  switch (step.type) {
    case "Sequence":
      return { ...step, pretokenizers: rewriteAll(step.pretokenizers, rewritePreTokenizer) };
    case "Digits":
      return splitAt(step.individual_digits === true ? String.raw`\p{N}` : String.raw`\p{N}+`);
    case "ByteLevel":
      return inSequence(
        ...(step.add_prefix_space === false ? [] : [BEGIN_WITH_SPACE]),
        ...(step.use_regex === false ? [] : [splitAt(GPT2_PATTERN)]),
        BYTE_LEVEL,
      );
    case "Whitespace":
      return matchesOf(String.raw`[${WORD}]+|[^${WORD}\s]+`);
    case "WhitespaceSplit":
      return matchesOf(String.raw`\S+`);
    case "Punctuation":
      return divide(String.raw`[\p{P}!-/:-@\[-\x60{-~]`, step.behavior ?? "Isolated", "Punctuation");
    case "Split":
      return rewriteSplit(step);
    case "Metaspace": {
      const { replacement = "\u2581", split = true, add_prefix_space } = step;
      const scheme = step.prepend_scheme ?? (add_prefix_space === false ? "never" : "always");
      const spelled = { type: "Metaspace", replacement, prepend_scheme: scheme };
      return split === false
        ? spelled
        : inSequence(spelled, divide(escapePattern(String(replacement)), "MergedWithNext", "Metaspace"));
    }
    default:
      return refuse(
        "pre_tokenizer",
        step.type,
        "ByteLevel, Digits, Metaspace, Punctuation, Sequence, Split, Whitespace, WhitespaceSplit",
      );
  }
}

/** Puts a space before a text that has none there. */
const BEGIN_WITH_SPACE: PreTokenizer = { type: "Replace", pattern: { Regex: String.raw`\A[^ ]` }, content: " $&" };

/** Characters of words as Rust's `regex` has them, which the step `Whitespace` uses. */
const WORD = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200C\u200D`;

/** Keeps what matches the pattern, and drops the text between. */
function matchesOf(pattern: string): PreTokenizer {
  return { type: "Split", pattern: { Regex: pattern }, behavior: "Removed", invert: true };
}

function rewriteSplit({ pattern, behavior, invert }: Json): PreTokenizer {
  const { Regex, String: text } = isObject(pattern) ? pattern : {};
  const source = typeof Regex === "string"
    ? foldCase(Regex)
    : typeof text === "string"
    ? escapePattern(text)
    : undefined;
  if (source === undefined) return refuse("pre_tokenizer's pattern", pattern, "a Regex or a String");
  if (invert !== true) return divide(source, behavior, "Split");
  if (behavior === "Removed") return matchesOf(source);
  return behavior === "Isolated" ? splitAt(source) : refuse("inverted Split", behavior, "Isolated, Removed");
}

/** Spells out the letters beyond ASCII that a group without case also takes: U+017F for s, U+212A for k. */
function foldCase(pattern: string): string {
  return pattern.replaceAll(
    /\(\?i:([^()[\]\\]*)\)/g,
    (_, words: string) => `(?i:${words.replaceAll(/s/gi, "[sS\u017f]").replaceAll(/k/gi, "[kK\u212a]")})`,
  );
}

/** Divides a text at a pattern in one of the reference's ways, by the only one that the library has. */
function divide(pattern: string, behavior: unknown, step: string): PreTokenizer {
  switch (behavior) {
    case "Isolated":
      return splitAt(pattern);
    case "Contiguous":
      return splitAt(`(?:${pattern})+`);
    case "MergedWithPrevious":
      return splitAt(String.raw`[\s\S]*?(?:${pattern})`);
    case "MergedWithNext":
      return splitAt(String.raw`(?:${pattern})(?:(?!${pattern})[\s\S])*`);
    case "Removed":
      // The library would keep what a group captures.
      if (!/(?<!\\)\((?!\?)/.test(pattern)) {
        return { type: "Split", pattern: { Regex: pattern }, behavior: "Removed", invert: false };
      }
  }
  return refuse(`${step}'s behavior`, behavior, "Isolated, Contiguous, MergedWithPrevious, MergedWithNext, Removed");
}

function escapePattern(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** A decoder that changes nothing. */
const NOTHING: Json = { type: "Strip", content: "", start: 0, stop: 0 };
const PLAIN_DECODERS: readonly unknown[] = ["ByteLevel", "Fuse", "Strip", "Metaspace"];

function rewriteDecoder(step: Json): Json {
  if (PLAIN_DECODERS.includes(step.type)) return step;
  switch (step.type) {
    case "Sequence":
      return { ...step, decoders: rewriteAll(step.decoders, rewriteDecoder) };
    case "Replace":
      return literalReplace(step);
    case "ByteFallback":
      return NOTHING;
    default:
      return refuse("decoder", step.type, [...PLAIN_DECODERS, "Replace", "ByteFallback", "Sequence"].join(", "));
  }
}

/** Whether a tokenizer.json's decoder makes characters of byte tokens. */
export function decodesByteTokens(decoder: unknown): boolean {
  if (!isObject(decoder)) return false;
  return decoder.type === "ByteFallback" ||
    (Array.isArray(decoder.decoders) && decoder.decoders.some(decodesByteTokens));
}

const BYTE_TOKEN = /^<0x([0-9A-Fa-f]{2})>$/;

/** Makes characters of runs of byte tokens (`<0xE2>`); bytes that are no UTF-8 become U+FFFD. */
export function decodeByteTokens(tokens: readonly string[]): string[] {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const decoded: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length > 0) decoded.push(decoder.decode(Uint8Array.from(bytes)));
    bytes = [];
  };
  for (const token of tokens) {
    const [, digits] = BYTE_TOKEN.exec(token) ?? [];
    if (digits !== undefined) bytes.push(parseInt(digits, 16));
    else {
      flush();
      decoded.push(token);
    }
  }
  flush();
  return decoded;
}

const POST_PROCESSORS: readonly unknown[] = [
  "TemplateProcessing",
  "ByteLevel",
  "RobertaProcessing",
  "BertProcessing",
];

function checkPostProcessor(step: Json): Json {
  if (step.type === "Sequence") rewriteAll(step.processors, checkPostProcessor);
  else if (!POST_PROCESSORS.includes(step.type)) {
    refuse("post_processor", step.type, [...POST_PROCESSORS, "Sequence"].join(", "));
  }
  return step;
}

/** The characters that stand for bytes which byte-level BPE without an unknown token cannot spell. */
function missingBytes(model: Json, step: PreTokenizer): string[] {
  const { vocab, unk_token, byte_fallback } = model;
  const drops = (unk_token ?? null) === null && byte_fallback !== true;
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
