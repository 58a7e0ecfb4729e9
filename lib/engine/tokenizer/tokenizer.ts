import { checkOptions, checkWord, type OptionNames } from "../../numeric/nearest_name.ts";
import { Tokenizer as Library } from "@huggingface/tokenizers";
import { createFields } from "../../files/fields.ts";
import { cleanSpaces } from "./clean_spaces.ts";
import { type JinjaTemplate, jinjaTemplate } from "./jinja_template.ts";
import { decodeByteTokens, decodesByteTokens, matchReference } from "./match_reference.ts";
import { withSpecialTokens } from "./special_tokens.ts";
import { createSpelling, type Spelled } from "./spelled_tokens.ts";
import { createTakeSpaces } from "./take_spaces.ts";
import { checkTemplateArguments, type TemplateArguments } from "./template_variables.ts";
import { textBounds } from "./text_bounds.ts";
import { quoted } from "../../files/quoted.ts";

/** A tokenizer as Hugging Face's files describe it; a GGUF's is rebuilt into the same shape. */
export interface TokenizerFiles {
  /** The contents of tokenizer.json. */
  readonly tokenizer: Record<string, unknown>;
  /** The contents of tokenizer_config.json, with `chat_template` where the model has one. */
  readonly config: Record<string, unknown>;
  /**
   * Who puts the token that begins a text before a chat template's text: the template, as in transformers, by default;
   * `added`: the tokenizer, where the template does not, as in llama.cpp.
   */
  readonly templateBos?: "own" | "added";
}

/** One message of a conversation. */
export interface ChatMessage {
  /** Who speaks. */
  readonly role: "system" | "user" | "assistant";
  /** What is said. */
  readonly content: string;
}

/** Options of {@linkcode Tokenizer.encode}. */
export interface EncodeOptions {
  /** Ranges of the text, end excluded, in which special tokens are spelled like any words; none by default. */
  readonly spelled?: readonly Spelled[];
}

/** Options of {@linkcode Tokenizer.decode}. */
export interface DecodeOptions {
  /** `keep` by default: special tokens are spelled out. `skip`: they leave no text. */
  readonly specialTokens?: "keep" | "skip";
  /** `keep` by default: the text is what the tokens spell. `clean`: without spaces before marks, as transformers cleans. */
  readonly spaces?: "keep" | "clean";
}

/** Options of {@linkcode Tokenizer.applyChatTemplate}. */
export interface ChatTemplateOptions {
  /** Ends with the words that open the assistant's turn; false by default. */
  readonly addGenerationPrompt?: boolean;
}

const DECODE_OPTIONS: OptionNames<DecodeOptions> = { specialTokens: true, spaces: true };
const CHAT_TEMPLATE_OPTIONS: OptionNames<ChatTemplateOptions> = { addGenerationPrompt: true };

/** Text to token ids and back. */
export interface Tokenizer {
  /** One above the highest id; a model's vocabulary may be larger, with ids that have no text. */
  readonly vocabSize: number;
  /** Ids that end a text: the checkpoint's own, and the token that the chat template puts behind an answer. */
  readonly eosTokenIds: readonly number[];
  /** The text of the token that begins a text; empty if there is none. */
  readonly bosToken: string;
  /** Ids that the checkpoint puts before a text that is read as it is: mostly none, or the one of `bosToken`. */
  readonly startTokenIds: readonly number[];
  /** Ids that the checkpoint puts behind a whole text. A prompt has none, as it goes on. */
  readonly endTokenIds: readonly number[];
  /** What the checkpoint wants done with the spaces of an answer (`clean_up_tokenization_spaces`). */
  readonly spaces: "keep" | "clean";
  /** Whether {@linkcode Tokenizer.applyChatTemplate} can be called. */
  readonly hasChatTemplate: boolean;
  /** Values that the chat template was given for its variables. */
  readonly templateArguments: TemplateArguments;
  /**
   * The ids of a text. Special tokens in the text are recognized, but for those in what is `spelled`, such as a user's
   * words within a chat template; none is added. Throws a TypeError where it is no text.
   */
  encode(text: string, options?: EncodeOptions): number[];
  /** The text of ids. Ids without a token are left out; bytes that are no UTF-8 become U+FFFD. */
  decode(ids: readonly number[], options?: DecodeOptions): string;
  /** One token in the vocabulary's spelling (`Ġthe`); empty if the id has no token. */
  tokenText(id: number): string;
  /** The text of a conversation in the model's chat template. Throws a RangeError if the model has no template. */
  applyChatTemplate(messages: readonly ChatMessage[], options?: ChatTemplateOptions): string;
}

/** Refuses what is no text, as a notebook's kernel checks no types. */
export function checkText(action: string, text: unknown): void {
  if (typeof text === "string") return;
  const kind = text === null ? "null" : Array.isArray(text) ? "a list" : typeof text;
  throw new TypeError(`Cannot ${action} ${kind} as it must be a text`);
}

/** Options of {@linkcode createTokenizer}. */
export interface TokenizerOptions {
  /** The model's end tokens; by default, the tokenizer's own. */
  readonly eosTokenIds?: readonly number[];
  /** Values for variables of the chat template. */
  readonly templateArguments?: TemplateArguments;
}

/**
 * Builds a tokenizer from its files. It gives the ids of the reference implementation, Python's `tokenizers`.
 *
 * @throws {SyntaxError} if the files do not describe a tokenizer
 * @throws {RangeError} if they ask for what the engine does not do, or the template reads no such variable
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { createTokenizer } from "./tokenizer.ts";
 *
 * const vocab = { t: 0, h: 1, e: 2, th: 3, the: 4 };
 * const merges = [["t", "h"], ["th", "e"]];
 * const model = { type: "BPE", vocab, merges, unk_token: null };
 * const tokenizer = createTokenizer({ tokenizer: { model, decoder: { type: "Fuse" } }, config: {} });
 * assertEquals(tokenizer.encode("thet"), [4, 0]);
 * assertEquals(tokenizer.decode([4, 0]), "thet");
 * ```
 */
export function createTokenizer(
  files: TokenizerFiles,
  { eosTokenIds, templateArguments = {} }: TokenizerOptions = {},
): Tokenizer {
  const { tokenizer, named } = withSpecialTokens(files);
  const library = openLibrary(tokenizer);
  const texts: string[] = [];
  for (const [text, id] of library.get_vocab()) texts[id] = text;
  const encoder = (own: Library, added: unknown) => {
    const takeSpaces = createTakeSpaces(added) ?? ((text: string) => text);
    return (text: string) => own.encode(takeSpaces(text), { add_special_tokens: false }).ids;
  };
  const recognize = encoder(library, tokenizer.added_tokens);
  const spell = createSpelling(
    tokenizer.added_tokens,
    (added) => encoder(openLibrary({ ...tokenizer, added_tokens: added }), added),
  );
  const encode = (text: string, { spelled = [] }: EncodeOptions = {}) => {
    checkText("encode", text);
    return spell(text, spelled) ?? recognize(text);
  };
  const added = library.get_added_tokens_decoder();
  const ofBytes = decodesByteTokens(tokenizer.decoder);
  const fields = createFields((key) => files.config[key], "tokenizer_config.json");
  if (fields.flag("split_special_tokens", false)) {
    throw new RangeError(
      "Cannot use the tokenizer as tokenizer_config.json's split_special_tokens is true: supported is false",
    );
  }
  const { start, end } = textBounds(library, files.config, named);
  const template = chatTemplate(files.config.chat_template);
  const compiled = template === undefined ? undefined : compile(template);
  if (!(compiled instanceof Error)) checkTemplateArguments(compiled, templateArguments);
  const bosToken = named.bos_token ?? "";
  const addsBos = files.templateBos === "added" && start.length > 0;
  const render = (messages: readonly ChatMessage[], options: ChatTemplateOptions = {}) => {
    checkOptions("applyChatTemplate", options, CHAT_TEMPLATE_OPTIONS);
    const { addGenerationPrompt = false } = options;
    if (compiled === undefined) {
      throw new RangeError(
        `Cannot apply a chat template as the model has none: give the text as it is (template "none")`,
      );
    }
    try {
      if (compiled instanceof Error) throw compiled;
      const rendered = compiled.render({
        messages: messages.map((message) => ({ ...message })),
        add_generation_prompt: addGenerationPrompt,
        tools: null,
        documents: null,
        ...named,
        ...templateArguments,
      });
      return addsBos && !rendered.startsWith(bosToken) ? bosToken + rendered : rendered;
    } catch (error) {
      const why = messageOf(error).replaceAll(/\s+/g, " ").slice(0, MAX_REASON);
      throw new RangeError(`Cannot apply the model's chat template: ${why}`, { cause: error });
    }
  };
  const ownEnd = named.eos_token === undefined ? undefined : library.token_to_id(named.eos_token);
  const ends = [...(eosTokenIds ?? []), ...(eosTokenIds?.length || ownEnd === undefined ? [] : [ownEnd])];
  const turnEnd = compiled === undefined ? undefined : turnEndId({ library, render, encode, bosToken });
  return {
    vocabSize: texts.length,
    eosTokenIds: [...new Set(turnEnd === undefined ? ends : [...ends, turnEnd])],
    bosToken,
    startTokenIds: start,
    endTokenIds: end,
    spaces: fields.flag("clean_up_tokenization_spaces", false) ? "clean" : "keep",
    hasChatTemplate: compiled !== undefined,
    templateArguments,
    encode,
    decode: (ids, options = {}) => {
      checkOptions("decode", options, DECODE_OPTIONS);
      const { specialTokens = "keep", spaces = "keep" } = options;
      checkWord("specialTokens", specialTokens, ["keep", "skip"]);
      checkWord("spaces", spaces, ["keep", "clean"]);
      const tokens = ids.filter((id) =>
        texts[id] !== undefined && (specialTokens === "keep" || added.get(id)?.special !== true)
      ).map((id) => texts[id]);
      const whole = ofBytes ? decodeByteTokens(tokens) : tokens;
      const text = library.decoder?.decode([...whole]) ?? whole.join(" ");
      return spaces === "clean" ? cleanSpaces(text) : text;
    },
    tokenText: (id) => texts[id] ?? "",
    applyChatTemplate: render,
  };
}

/**
 * The ids of a text that nothing comes before, with what the checkpoint puts there. A text that begins so already, as
 * its special tokens are recognized, is not given it twice.
 */
export function encodeStart(tokenizer: Pick<Tokenizer, "encode" | "startTokenIds">, text: string): number[] {
  const ids = tokenizer.encode(text);
  const { startTokenIds } = tokenizer;
  return startTokenIds.every((id, index) => ids[index] === id) ? ids : [...startTokenIds, ...ids];
}

function openLibrary(tokenizer: Readonly<Record<string, unknown>>): Library {
  try {
    return new Library(matchReference(tokenizer), {});
  } catch (error) {
    if (error instanceof Error && /^Cannot (?:use|read) the tokenizer/.test(error.message)) throw error;
    const what = error instanceof SyntaxError
      ? "as one of its patterns is no regular expression"
      : "as a part of tokenizer.json is of the wrong kind";
    throw new SyntaxError(`Cannot read the tokenizer ${what}`, { cause: error });
  }
}

/**
 * The template of conversations: the only one, or of several the one named `default`.
 *
 * @throws {SyntaxError} if it is neither a text nor a list of named ones
 */
function chatTemplate(given: unknown): string | undefined {
  if ((given ?? null) === null || given === "") return undefined;
  if (typeof given === "string") return given;
  if (Array.isArray(given)) {
    const found = given.find((entry) => entry?.name === "default")?.template;
    if (found === undefined || typeof found === "string") return found;
  }
  throw new SyntaxError(
    `Cannot read tokenizer_config.json as chat_template must be text or a list of named ones: current value is ${
      quoted(given)
    }`,
  );
}

/** Compiles a template; one that cannot be is an error of whoever applies it: the model may be used without. */
function compile(template: string): JinjaTemplate | Error {
  try {
    return jinjaTemplate(template);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Characters of what a template says of an error. */
const MAX_REASON = 300;

/** A message that no template contains. */
const ANSWER = "\u{e020}answer\u{e021}";

interface Templated {
  readonly library: Library;
  readonly render: (messages: readonly ChatMessage[]) => string;
  readonly encode: (text: string) => number[];
  readonly bosToken: string;
}

/** The special token that the template puts behind an answer, which the model gives when it has finished. */
function turnEndId({ library, render, encode, bosToken }: Templated): number | undefined {
  let rendered: string;
  try {
    rendered = render([{ role: "user", content: "a" }, { role: "assistant", content: ANSWER }]);
  } catch {
    return undefined; // whoever applies the template is told
  }
  const at = rendered.lastIndexOf(ANSWER);
  if (at < 0) return undefined;
  const [id] = encode(rendered.slice(at + ANSWER.length).trimStart());
  const special = id !== undefined && library.get_added_tokens_decoder().get(id)?.special === true;
  return special && library.id_to_token(id) !== bosToken ? id : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
