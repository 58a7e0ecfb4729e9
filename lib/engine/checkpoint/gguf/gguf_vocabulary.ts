import type { Fields } from "../../../files/fields.ts";
import { quoted } from "../../../files/quoted.ts";

/** llama.cpp's kinds of tokens (enum llama_token_type). */
export const TOKEN_TYPES = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** The tokens of a GGUF file, by id. */
export interface GgufVocabulary {
  readonly tokens: readonly string[];
  /** One of {@linkcode TOKEN_TYPES} each; normal where the file is silent. */
  readonly types: readonly number[];
}

/**
 * Reads the tokens of a GGUF file and their types.
 *
 * @param fields metadata by their keys behind `tokenizer.`
 * @throws {SyntaxError} if the lists are malformed or contradict each other
 */
export function readVocabulary(fields: Fields): GgufVocabulary {
  const tokens = listOfTexts(fields, "ggml.tokens");
  const given = fields.value("ggml.token_type") !== undefined;
  const types = given ? fields.integers("ggml.token_type") : tokens.map(() => TOKEN_TYPES.normal);
  if (types.length !== tokens.length) {
    throw new SyntaxError(`Cannot read the tokenizer as ${tokens.length} tokens have ${types.length} types`);
  }
  return { tokens, types };
}

/** A list of texts. Throws a SyntaxError where it is something else. */
export function listOfTexts(fields: Fields, key: string): readonly string[] {
  const found = fields.value(key);
  if (Array.isArray(found) && found.every((text) => typeof text === "string")) return found;
  throw new SyntaxError(`Cannot read the tokenizer as ${key} must be a list of texts`);
}

/**
 * The tokens by their text, as tokenizer.json has them; unused ones are left out.
 *
 * @throws {SyntaxError} if a text is there twice
 */
export function vocabularyByText({ tokens, types }: GgufVocabulary): Record<string, number> {
  const vocabulary: Record<string, number> = Object.create(null); // a token may be called __proto__
  tokens.forEach((token, id) => {
    if (token in vocabulary) {
      throw new SyntaxError(`Cannot read the tokenizer as the token ${quoted(token)} is there twice`);
    }
    if (types[id] !== TOKEN_TYPES.unused) vocabulary[token] = id;
  });
  return vocabulary;
}

/** The types whose tokens are found in a text before it is divided. */
const ADDED: readonly number[] = [TOKEN_TYPES.unknown, TOKEN_TYPES.control, TOKEN_TYPES.userDefined];

/** The tokens that are found in a text before it is divided, as tokenizer.json's `added_tokens` has them. */
export function addedTokens(
  { tokens, types }: GgufVocabulary,
  stripsRight: (content: string) => boolean = () => false,
): Record<string, unknown>[] {
  return tokens.flatMap((content, id) => {
    if (!ADDED.includes(types[id]) || content === "") return [];
    const special = types[id] !== TOKEN_TYPES.userDefined;
    return [{
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: stripsRight(content),
      normalized: false,
      special,
    }];
  });
}
