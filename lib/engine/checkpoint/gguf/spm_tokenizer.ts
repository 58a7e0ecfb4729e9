import type { Fields } from "../../../files/fields.ts";
import { addedTokens, type GgufVocabulary, TOKEN_TYPES, vocabularyByText } from "./gguf_vocabulary.ts";

type Json = Readonly<Record<string, unknown>>;

/** SentencePiece's sign for a space. */
const SPACE = "\u2581";

/**
 * SentencePiece's BPE (https://github.com/google/sentencepiece) as tokenizer.json has it: merges follow from the tokens'
 * scores, as transformers makes them, and characters without a token fall back to their bytes.
 *
 * @param fields metadata by their keys behind `tokenizer.`
 * @param modelName `general.name`: llama.cpp tells Phi-3 by it, whose special tokens take the white space behind them
 * @throws {RangeError} if extra white space would be removed
 * @throws {SyntaxError} if the lists are malformed or contradict each other
 */
export function spmTokenizer(fields: Fields, given: GgufVocabulary, modelName: string): Json {
  if (fields.flag("ggml.remove_extra_whitespaces", false)) {
    throw new RangeError(
      "Cannot use the tokenizer of this GGUF as ggml.remove_extra_whitespaces is true: supported is false",
    );
  }
  const vocabulary = withoutWrittenSpaces(given);
  const vocab = vocabularyByText(vocabulary);
  const prefix = fields.flag("ggml.add_space_prefix", true);
  const isPhi3 = /phi[- ]?3/i.test(modelName);
  const [unknown = 0] = fields.integers("ggml.unknown_token_id");
  return {
    added_tokens: addedTokens(vocabulary, (token) => isPhi3 && !PHI3_KEEPS_SPACE.includes(token)),
    normalizer: {
      type: "Sequence",
      normalizers: [
        ...(prefix ? [{ type: "Prepend", prepend: SPACE }] : []),
        { type: "Replace", pattern: { String: " " }, content: SPACE },
      ],
    },
    pre_tokenizer: null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: SPACE }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(prefix ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: vocabulary.tokens[unknown] ?? null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab,
      merges: mergesOf(vocabulary.tokens, vocab, scoresOf(fields, vocabulary)),
    },
  };
}

/** Tokens of Phi-3 behind which white space stays. */
const PHI3_KEEPS_SPACE: readonly string[] = ["<unk>", "<s>", "<|endoftext|>"];

/** llama.cpp's converter writes the spaces of a token of spaces alone as such, where SentencePiece has its sign. */
function withoutWrittenSpaces({ tokens, types }: GgufVocabulary): GgufVocabulary {
  const spaces = (token: string, id: number) => types[id] === TOKEN_TYPES.userDefined && /^ +$/.test(token);
  return { types, tokens: tokens.map((token, id) => spaces(token, id) ? SPACE.repeat(token.length) : token) };
}

/** A score for each token; the converter writes -1000 for tokens of the user, which SentencePiece merges first. */
function scoresOf(fields: Fields, { tokens, types }: GgufVocabulary): number[] {
  const scores = fields.value("ggml.scores");
  if (!Array.isArray(scores) || !scores.every((score) => typeof score === "number")) {
    throw new SyntaxError("Cannot read the tokenizer as ggml.scores must be a list of numbers");
  }
  if (scores.length !== tokens.length) {
    throw new SyntaxError(`Cannot read the tokenizer as ${tokens.length} tokens have ${scores.length} scores`);
  }
  return scores.map((score, id) => types[id] === TOKEN_TYPES.userDefined ? 0 : score);
}

interface ScoredMerge {
  readonly pair: readonly [string, string];
  readonly score: number;
  /** Characters of each part. */
  readonly lengths: readonly [number, number];
  /** Ids of the parts. */
  readonly ids: readonly [number, number];
}

/** Every way to put a token together from two others, the highest score first, of equal ones the longest first part. */
function mergesOf(
  tokens: readonly string[],
  vocab: Readonly<Record<string, number>>,
  scores: readonly number[],
): (readonly [string, string])[] {
  const ids = new Map(Object.entries(vocab));
  const merges: ScoredMerge[] = [];
  tokens.forEach((token, id) => {
    if (ids.get(token) !== id) return; // unused
    const ends = characterEnds(token);
    const own: ScoredMerge[] = [];
    for (const [index, end] of ends.slice(0, -1).entries()) {
      const pair = [token.slice(0, end), token.slice(end)] as const;
      const first = ids.get(pair[0]);
      const second = first === undefined ? undefined : ids.get(pair[1]);
      if (first === undefined || second === undefined) continue;
      own.push({ pair, score: scores[id], lengths: [index + 1, ends.length - index - 1], ids: [first, second] });
    }
    own.sort((one, other) => one.ids[0] - other.ids[0] || one.ids[1] - other.ids[1]);
    merges.push(...own);
  });
  merges.sort((one, other) =>
    other.score - one.score || other.lengths[0] - one.lengths[0] || other.lengths[1] - one.lengths[1]
  );
  return merges.map(({ pair }) => pair);
}

/** Where each character of a text ends. */
function characterEnds(text: string): number[] {
  const ends: number[] = [];
  let end = 0;
  for (const character of text) ends.push(end += character.length);
  return ends;
}
