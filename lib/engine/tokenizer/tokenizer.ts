import { PreTrainedTokenizer } from "@huggingface/transformers";
import { matchReference } from "./match_reference.ts";

/** A tokenizer as Hugging Face's files describe it; a GGUF's is rebuilt into the same shape. */
export interface TokenizerFiles {
  /** The contents of tokenizer.json. */
  readonly tokenizer: Record<string, unknown>;
  /** The contents of tokenizer_config.json, with `chat_template` where the model has one. */
  readonly config: Record<string, unknown>;
}

/** One message of a conversation. */
export interface ChatMessage {
  /** Who speaks. */
  readonly role: "system" | "user" | "assistant";
  /** What is said. */
  readonly content: string;
}

/** Options of {@linkcode Tokenizer.decode}. */
export interface DecodeOptions {
  /** `keep` by default: special tokens are spelled out. `skip`: they leave no text. */
  readonly specialTokens?: "keep" | "skip";
}

/** Options of {@linkcode Tokenizer.applyChatTemplate}. */
export interface ChatTemplateOptions {
  /** Ends with the words that open the assistant's turn; false by default. */
  readonly addGenerationPrompt?: boolean;
}

/** Text to token ids and back. */
export interface Tokenizer {
  /** One above the highest id; a model's vocabulary may be larger, with ids that have no text. */
  readonly vocabSize: number;
  /** Ids that end a text. */
  readonly eosTokenIds: readonly number[];
  /** The text of the token that begins a text; empty if there is none. It is never added automatically. */
  readonly bosToken: string;
  /** Whether {@linkcode Tokenizer.applyChatTemplate} can be called. */
  readonly hasChatTemplate: boolean;
  /** The ids of a text. Special tokens in the text are recognized, none is added. */
  encode(text: string): number[];
  /** The text of ids. Ids without a token are left out; bytes that are no UTF-8 become U+FFFD. */
  decode(ids: readonly number[], options?: DecodeOptions): string;
  /** One token in the vocabulary's spelling (`Ġthe`); empty if the id has no token. */
  tokenText(id: number): string;
  /** The text of a conversation in the model's chat template. Throws a RangeError if the model has no template. */
  applyChatTemplate(messages: readonly ChatMessage[], options?: ChatTemplateOptions): string;
}

/**
 * Builds a tokenizer from its files. It gives the ids of the reference implementation, Python's `tokenizers`.
 *
 * @param eosTokenIds the model's end tokens; by default, the tokenizer's own
 * @throws {SyntaxError} if the files do not describe a tokenizer
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
export function createTokenizer(files: TokenizerFiles, eosTokenIds?: readonly number[]): Tokenizer {
  const library = openLibrary(files);
  const texts: string[] = [];
  for (const [text, id] of library.get_vocab() as Map<string, number>) texts[id] = text;
  return {
    vocabSize: texts.length,
    eosTokenIds: eosTokenIds ?? (library.eos_token_id === undefined ? [] : [library.eos_token_id]),
    bosToken: library.bos_token ?? "",
    hasChatTemplate: Boolean(library.chat_template),
    encode: (text) => library.encode(text, { add_special_tokens: false }),
    decode: (ids, { specialTokens = "keep" } = {}) => {
      const known = ids.filter((id) => texts[id] !== undefined);
      if (known.length === 0) return "";
      return library.decode(known, {
        skip_special_tokens: specialTokens === "skip",
        clean_up_tokenization_spaces: false,
      });
    },
    tokenText: (id) => texts[id] ?? "",
    applyChatTemplate: (messages, { addGenerationPrompt = false } = {}) => {
      if (!library.chat_template) {
        throw new RangeError(
          `Cannot apply a chat template as the model has none: give the text as it is (template "none")`,
        );
      }
      try {
        return library.apply_chat_template(messages.map((message) => ({ ...message })), {
          add_generation_prompt: addGenerationPrompt,
          tokenize: false,
        });
      } catch (error) {
        throw new RangeError(`Cannot apply the model's chat template: ${messageOf(error)}`, { cause: error });
      }
    },
  };
}

function openLibrary({ tokenizer, config }: TokenizerFiles): PreTrainedTokenizer {
  try {
    return new PreTrainedTokenizer(matchReference(tokenizer), config);
  } catch (error) {
    throw new SyntaxError(`Cannot read the tokenizer's files: ${messageOf(error)}`, { cause: error });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
