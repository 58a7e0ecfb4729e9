import { BYTE_LEVEL, byteCharacters, GPT2_PATTERN, inSequence, type PreTokenizer, splitAt } from "./byte_level.ts";
import { quoted } from "../../files/quoted.ts";

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
  const model = isObject(tokenizer.model)
    ? checkModel(tokenizer.model)
    : malformed("model", "an object", tokenizer.model);
  for (const name of ["normalizer", "pre_tokenizer", "decoder", "post_processor"]) {
    const step = tokenizer[name] ?? null;
    if (step !== null && !isObject(step)) malformed(name, "an object", step);
  }
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
    // Files of before types had names have none, and the library would guess by other keys.
    model: { type: "BPE", ...model },
    added_tokens: addedTokens(tokenizer.added_tokens),
    normalizer: isObject(tokenizer.normalizer) ? rewriteNormalizer(tokenizer.normalizer) : null,
    ...(steps.length > 0 ? { pre_tokenizer: inSequence(...steps) } : {}),
    decoder: isObject(tokenizer.decoder) ? rewriteDecoder(tokenizer.decoder) : null,
    post_processor: isObject(tokenizer.post_processor) ? checkPostProcessor(tokenizer.post_processor) : null,
  };
}

function refuse(what: string, value: unknown, supported: string): never {
  throw new RangeError(
    `Cannot use the tokenizer as tokenizer.json's ${what} is ${quoted(value)}: ` +
      `supported is ${supported}`,
  );
}

/** Throws a SyntaxError that says what a part of tokenizer.json must be. */
function malformed(what: string, rule: string, value: unknown): never {
  throw new SyntaxError(
    `Cannot read the tokenizer as tokenizer.json's ${what} must be ${rule}: current value is ${quoted(value)}`,
  );
}

/** Characters of an added token: the longest known have some 80. */
const MAX_TOKEN_LENGTH = 1024;
/** More ids than any vocabulary has. */
const MAX_ID = 1 << 24;

function checkId(what: string, id: unknown): void {
  if (!Number.isSafeInteger(id) || Number(id) < 0 || Number(id) > MAX_ID) {
    malformed(what, `a whole number from 0 to ${MAX_ID}`, id);
  }
}

function addedTokens(given: unknown): unknown {
  if ((given ?? null) === null) return [];
  if (!Array.isArray(given)) return malformed("added_tokens", "a list", given);
  return given.map((token) => {
    if (!isObject(token)) return malformed("added_tokens", "a list of objects", token);
    const { content } = token;
    if (typeof content !== "string" || content === "" || content.length > MAX_TOKEN_LENGTH) {
      malformed("added token's content", `a text of 1 to ${MAX_TOKEN_LENGTH} characters`, content);
    }
    checkId(`added token ${quoted(token.content)}'s id`, token.id);
    if (token.single_word === true) {
      refuse(`single_word of the added token ${quoted(token.content)}`, true, "false");
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
  const { vocab, merges, unk_token: unknown = null } = model;
  if (!isObject(vocab)) return malformed("model.vocab", "an object of tokens and ids", vocab);
  for (const [token, id] of Object.entries(vocab)) checkId(`id of ${quoted(token)}`, id);
  if (!Array.isArray(merges)) return malformed("model.merges", "a list", merges);
  merges.forEach((merge) => checkMerge(merge, vocab));
  if (unknown !== null && (typeof unknown !== "string" || !Object.hasOwn(vocab, unknown))) {
    malformed("model.unk_token", "a token of the vocabulary", unknown);
  }
  return model;
}

function checkMerge(merge: unknown, vocab: Json): void {
  const pair: unknown = typeof merge === "string" ? merge.split(" ") : merge;
  if (!Array.isArray(pair) || pair.length !== 2 || !pair.every((part) => typeof part === "string")) {
    throw new SyntaxError(
      `Cannot read the tokenizer as its merge ${quoted(merge)} is not two tokens`,
    );
  }
  const [left, right] = pair;
  for (const text of [left, right, left + right]) {
    if (Object.hasOwn(vocab, text)) continue;
    throw new SyntaxError(
      `Cannot read the tokenizer as its merge ${quoted(merge)} needs the token ${quoted(text)}, ` +
        "which the vocabulary lacks",
    );
  }
}

/** Steps whose ids are the reference's as they are. */
const PLAIN_NORMALIZERS: readonly unknown[] = ["NFC", "NFD", "NFKC", "NFKD", "Prepend"];

function rewriteNormalizer(step: Json): Json {
  if (step.type === "Prepend" && typeof step.prepend !== "string") malformed("Prepend", "a text", step.prepend);
  if (PLAIN_NORMALIZERS.includes(step.type)) return step;
  switch (step.type) {
    case "Sequence":
      return { ...step, normalizers: rewriteAll("normalizers", step.normalizers, rewriteNormalizer) };
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
  if (typeof step.content !== "string") return malformed("Replace's content", "a text", step.content);
  patternOf(step.pattern, "Replace's pattern");
  return { ...step, content: step.content.replaceAll("$", "$$$$") };
}

function rewriteAll(what: string, steps: unknown, rewrite: (step: Json) => Json): unknown {
  if (!Array.isArray(steps) || !steps.every(isObject)) return malformed(what, "a list of objects", steps);
  return steps.map(rewrite);
}

/** Characters of a pattern: the longest known have some 500. */
const MAX_PATTERN_LENGTH = 1 << 13;

/** A regular expression or a text, as it is written. */
function patternOf(pattern: unknown, what: string): { readonly Regex?: string; readonly String?: string } {
  const { Regex, String: text } = isObject(pattern) ? pattern : {};
  const { length = 0 } = Object.values({ Regex, text }).find((given) => typeof given === "string") ?? "";
  if (length > MAX_PATTERN_LENGTH) refuse(what, `${length} characters long`, `one of at most ${MAX_PATTERN_LENGTH}`);
  if (typeof Regex === "string") checkRegex(Regex, what);
  else if (typeof text !== "string") refuse(what, pattern, "a Regex or a String");
  return { Regex, String: text } as { Regex?: string; String?: string };
}

/**
 * A repetition of a group that itself repeats, or of alternatives: a text on which it fails takes a time that doubles with
 * each character. No public tokenizer has one.
 */
function checkRegex(source: string, what: string): void {
  const group: { repeats: boolean }[] = [{ repeats: false }];
  for (let at = 0; at < source.length; at++) {
    const character = source[at];
    if (character === "\\") at++;
    else if (character === "[") at = classEnd(source, at);
    else if (character === "(") group.push({ repeats: false });
    else if (character === "|") group.at(-1)!.repeats = true;
    else if (character === ")") {
      const { repeats } = group.length > 1 ? group.pop()! : { repeats: false };
      group.at(-1)!.repeats ||= repeats;
      if (repeats && /^(?:[*+]|\{\d+,\})/.test(source.slice(at + 1))) {
        refuse(
          what,
          source,
          "one without repeated repetitions or alternatives, whose time doubles with each character",
        );
      }
    }
    if (/^(?:[*+]|\{\d+,\})/.test(source.slice(at, at + 12))) group.at(-1)!.repeats = true;
  }
}

/** The place of the bracket that ends a class of characters. */
function classEnd(source: string, start: number): number {
  let depth = 0;
  for (let at = start; at < source.length; at++) {
    if (source[at] === "\\") at++;
    else if (source[at] === "[") depth++;
    else if (source[at] === "]" && at > start + 1 && --depth <= 0) return at;
  }
  return source.length;
}

function rewritePreTokenizer(step: Json): PreTokenizer {
  switch (step.type) {
    case "Sequence":
      return { ...step, pretokenizers: rewriteAll("pretokenizers", step.pretokenizers, rewritePreTokenizer) };
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
      if (step.replacement !== undefined && typeof step.replacement !== "string") {
        malformed("Metaspace's replacement", "a text", step.replacement);
      }
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
  const { Regex, String: text = "" } = patternOf(pattern, "pre_tokenizer's pattern");
  const source = Regex === undefined ? escapePattern(text) : foldCase(Regex);
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
/** Characters that a decoder may take away: SentencePiece's takes one space. */
const MAX_STRIPPED = 1 << 10;

function rewriteDecoder(step: Json): Json {
  if (step.type === "Strip") {
    if (typeof step.content !== "string") malformed("Strip's content", "a text", step.content);
    for (const name of ["start", "stop"]) {
      const count = step[name];
      if (!Number.isSafeInteger(count) || Number(count) < 0 || Number(count) > MAX_STRIPPED) {
        malformed(`Strip's ${name}`, `a whole number from 0 to ${MAX_STRIPPED}`, count);
      }
    }
  }
  if (PLAIN_DECODERS.includes(step.type)) return step;
  switch (step.type) {
    case "Sequence":
      return { ...step, decoders: rewriteAll("decoders", step.decoders, rewriteDecoder) };
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
  if (step.type === "Sequence") rewriteAll("post_processor's processors", step.processors, checkPostProcessor);
  else if (step.type === "TemplateProcessing") checkTemplate(step);
  else if (step.type === "RobertaProcessing" || step.type === "BertProcessing") {
    for (const name of ["sep", "cls"]) {
      const [text, id] = Array.isArray(step[name]) ? step[name] : [];
      if (typeof text !== "string" || !Number.isSafeInteger(id)) {
        malformed(`post_processor's ${name}`, "a token and its id", step[name]);
      }
    }
  } else if (!POST_PROCESSORS.includes(step.type)) {
    refuse("post_processor", step.type, [...POST_PROCESSORS, "Sequence"].join(", "));
  }
  return step;
}

/** What stands around one text: special tokens by their names, and the text. */
function checkTemplate({ single }: Json): void {
  if (!Array.isArray(single)) return malformed("post_processor's single", "a list", single);
  for (const item of single) {
    const { SpecialToken: token, Sequence: sequence } = isObject(item) ? item : {};
    const named = [token, sequence].filter((one) => isObject(one) && typeof one.id === "string");
    if (named.length !== 1) malformed("post_processor's single", "a list of SpecialToken and Sequence", item);
  }
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
