import { createFields, type Fields } from "../../files/fields.ts";
import { quoted } from "../../files/quoted.ts";

type Json = Readonly<Record<string, unknown>>;

const CONFIG = "tokenizer_config.json";

/** Keys of tokenizer_config.json that name one special token each. */
const NAMED = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"] as const;

/** A tokenizer's special tokens by their names (`bos_token`), as chat templates see them. */
export type NamedTokens = Readonly<Partial<Record<typeof NAMED[number], string>>>;

/** Files of special tokens that transformers wrote before tokenizer_config.json had them all. */
export interface LegacyTokens {
  /** The contents of special_tokens_map.json: named tokens, which stand above tokenizer_config.json's. */
  readonly named?: Json;
  /** The contents of added_tokens.json: ids by text. */
  readonly added?: Json;
}

/**
 * The contents of tokenizer_config.json with those of the older files, which transformers reads where there is no
 * `added_tokens_decoder`.
 */
export function withLegacyTokens(
  config: Record<string, unknown>,
  { named, added }: LegacyTokens,
): Record<string, unknown> {
  if ((config.added_tokens_decoder ?? null) !== null || (named ?? added) === undefined) return config;
  const whole = { ...config, ...named };
  if (added === undefined) return whole;
  const special = Object.values(namedTokens(createFields((key) => whole[key], CONFIG)));
  const decoder = Object.entries(added).map(([content, id]) => {
    if (!Number.isSafeInteger(id)) {
      throw new SyntaxError(
        `Cannot read added_tokens.json as the id of ${quoted(content)} must be a whole number: ` +
          `current value is ${quoted(id)}`,
      );
    }
    const isSpecial = special.includes(content);
    return [id, { content, special: isSpecial, normalized: !isSpecial }];
  });
  return { ...whole, added_tokens_decoder: Object.fromEntries(decoder) };
}

/** A tokenizer with all the special tokens that its files name. */
export interface WithSpecialTokens {
  /** The contents of tokenizer.json, with the tokens that stand in tokenizer_config.json alone. */
  readonly tokenizer: Json;
  readonly named: NamedTokens;
}

/** A token that is found in a text before it is divided. */
interface AddedToken {
  readonly content: string;
  readonly id?: number;
  readonly [flag: string]: unknown;
}

/**
 * Adds the tokens that stand in tokenizer_config.json alone, as transformers does: `added_tokens_decoder`, the named
 * ones, `extra_special_tokens` and `additional_special_tokens`. A text that the vocabulary has keeps its id there;
 * another one gets the next id.
 *
 * @throws {SyntaxError} if a token is malformed, or `added_tokens_decoder` gives it another id than it has
 */
export function withSpecialTokens(
  { tokenizer, config }: { readonly tokenizer: Json; readonly config: Json },
): WithSpecialTokens {
  const fields = createFields((key) => config[key], CONFIG);
  const named = namedTokens(fields);
  const added = (tokenizer.added_tokens ?? []) as readonly AddedToken[];
  const vocab = ((tokenizer.model as Json | undefined)?.vocab ?? {}) as Json;
  if (!Array.isArray(added) || !added.every((token) => typeof token === "object" && token !== null)) {
    return { tokenizer, named }; // which whoever reads it refuses
  }
  if (typeof vocab !== "object" || Array.isArray(vocab)) return { tokenizer, named };
  const known = new Map(added.map(({ content, id }) => [content, id]));
  const fresh: AddedToken[] = [];
  let next = Math.max(-1, ...numbers(known.values()), maximum(Object.values(vocab))) + 1;
  for (const token of [...decoderTokens(fields), ...specialTexts(fields, named).map(specialToken)]) {
    const { content, id: wanted } = token;
    const id = known.get(content) ?? (Object.hasOwn(vocab, content) ? Number(vocab[content]) : next);
    if (wanted !== undefined && wanted !== id) {
      throw new SyntaxError(
        `Cannot read ${CONFIG} as its added_tokens_decoder gives ${quoted(content)} the id ${wanted}: ` +
          `in tokenizer.json it has ${id}`,
      );
    }
    if (known.has(content)) continue;
    known.set(content, id);
    fresh.push({ single_word: false, lstrip: false, rstrip: false, normalized: false, special: false, ...token, id });
    if (id === next) next++;
  }
  return { tokenizer: fresh.length === 0 ? tokenizer : { ...tokenizer, added_tokens: [...added, ...fresh] }, named };
}

function specialToken(content: string): AddedToken {
  return { content, special: true };
}

function namedTokens(fields: Fields): NamedTokens {
  return Object.fromEntries(NAMED.flatMap((name) => {
    const value = fields.value(name);
    return value === undefined || value === false ? [] : [[name, tokenText(name, value)]];
  }));
}

/** `added_tokens_decoder`, in the order of ids. */
function decoderTokens(fields: Fields): AddedToken[] {
  const decoder = fields.value("added_tokens_decoder") ?? {};
  if (typeof decoder !== "object" || Array.isArray(decoder)) fail("added_tokens_decoder", decoder);
  return Object.entries(decoder as Json).map(([key, value]) => {
    const id = Number(key);
    if (!Number.isSafeInteger(id) || id < 0) fail(`added_tokens_decoder's ${key}`, value);
    return { ...(value as Json), content: tokenText(`added_tokens_decoder's ${key}`, value), id };
  }).sort((one, other) => one.id - other.id);
}

/** The texts of special tokens that carry no id; transformers reads the older list where the newer key is absent. */
function specialTexts(fields: Fields, named: NamedTokens): string[] {
  const key = fields.value("extra_special_tokens") === undefined ? "additional_special_tokens" : "extra_special_tokens";
  const lists = [key, "model_specific_special_tokens"].flatMap((name) => {
    const extra = fields.value(name) ?? [];
    if (typeof extra !== "object") fail(name, extra);
    return Object.values(extra as Json).map((value) => tokenText(name, value));
  });
  return [...Object.values(named), ...lists];
}

/** A token is written as its text or as an object around it. */
function tokenText(key: string, value: unknown): string {
  const content = typeof value === "object" && value !== null ? (value as Json).content : value;
  return typeof content === "string" ? content : fail(key, value);
}

function fail(key: string, value: unknown): never {
  throw new SyntaxError(
    `Cannot read ${CONFIG} as ${key} must be a token or tokens: current value is ${quoted(value)}`,
  );
}

function numbers(values: Iterable<unknown>): number[] {
  return [...values].filter((value) => typeof value === "number");
}

/** A vocabulary is too long for the arguments of `Math.max`. */
function maximum(values: readonly unknown[]): number {
  return numbers(values).reduce((most, value) => Math.max(most, value), -1);
}
