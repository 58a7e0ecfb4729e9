import { assert, assertEquals } from "@std/assert";
import { ggufTokenizer } from "../../../lib/engine/checkpoint/gguf/gguf_tokenizer.ts";
import { PRE_TOKENIZERS } from "../../../lib/engine/checkpoint/gguf/pre_tokenizers.ts";
import type { MetadataValue } from "../../../lib/engine/checkpoint/gguf/read_gguf.ts";
import { createTokenizer, type Tokenizer } from "../../../lib/engine/tokenizer/tokenizer.ts";
import { drawnTexts, idHashes } from "../../fixtures/drawn_texts.ts";
import golden from "../../goldens/tokenizer_rules.json" with { type: "json" };

const BATCHES = golden.rules["gpt-2"].length;
const TEXTS = drawnTexts({ ...golden, characters: 1 / 4 }, BATCHES * golden.batch);
const [CONTROL, USER_DEFINED] = [3, 4];

function assertSameIds({ encode }: Tokenizer, hashes: readonly string[]): void {
  assertEquals(idHashes(encode, TEXTS, golden.batch), hashes);
}

function ofMetadata(metadata: Readonly<Record<string, MetadataValue>>): Tokenizer {
  return createTokenizer(ggufTokenizer(new Map(Object.entries(metadata))));
}

function byteLevel(pre: string): Tokenizer {
  const { tokens, merges } = golden.bytes;
  return ofMetadata({
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": pre,
    "tokenizer.ggml.tokens": tokens,
    "tokenizer.ggml.merges": merges,
    "tokenizer.ggml.token_type": tokens.map((token) =>
      !golden.special.includes(token) ? 1 : token === "<tool>" ? USER_DEFINED : CONTROL
    ),
    "tokenizer.ggml.add_bos_token": false,
  });
}

Deno.test("there are ids of 10,000 texts for every rule of llama.cpp's pre-tokenizers", () => {
  assertEquals(TEXTS.length, 10_000);
  assertEquals(PRE_TOKENIZERS.map(({ names }) => names[0]).sort(), Object.keys(golden.rules).sort());
});

for (const { names } of PRE_TOKENIZERS) {
  const hashes = (golden.rules as Record<string, string[]>)[names[0]];
  Deno.test(`the pre-tokenizer ${names[0]} of a GGUF gives the ids of Python's tokenizers on 10,000 odd texts`, () => {
    assertSameIds(byteLevel(names[0]), hashes);
  });
}

Deno.test("every other name of a rule gives the rule's ids", () => {
  const texts = TEXTS.slice(0, golden.batch);
  for (const { names: [first, ...others] } of PRE_TOKENIZERS) {
    for (const name of others) {
      const [hash] = idHashes(byteLevel(name).encode, texts, golden.batch);
      assertEquals(hash, (golden.rules as Record<string, string[]>)[first][0], name);
    }
  }
});

/** What a GGUF says of SentencePiece's tokens: spaces of the user's tokens are written as such, as the converter does. */
function sentencePiece(more: Readonly<Record<string, MetadataValue>>): Tokenizer {
  const { pieces, scores, types } = golden.spm;
  const ofUser = (id: number) => types[id] === USER_DEFINED;
  return ofMetadata({
    "tokenizer.ggml.model": "llama",
    "tokenizer.ggml.pre": "default",
    "tokenizer.ggml.tokens": pieces.map((piece, id) => ofUser(id) ? piece.replaceAll("\u2581", " ") : piece),
    "tokenizer.ggml.scores": scores.map((score, id) => ofUser(id) ? -1000 : score),
    "tokenizer.ggml.token_type": types,
    ...more,
  });
}

const SPM_RULES: Readonly<Record<string, Readonly<Record<string, MetadataValue>>>> = {
  llama: {},
  gemma: { "tokenizer.ggml.add_space_prefix": false },
  "phi-3": { "general.name": "Phi 3 Mini 4k Instruct" },
};

for (const [name, hashes] of Object.entries(golden.spm_rules)) {
  Deno.test(`SentencePiece's tokens of a GGUF as in ${name} give the ids of Python's tokenizers on 10,000 odd texts`, () => {
    assertSameIds(sentencePiece(SPM_RULES[name]), hashes);
  });
}

Deno.test("SentencePiece's tokens begin a text as llama.cpp has it, and come back as text", () => {
  const tokenizer = sentencePiece({});
  assertEquals([tokenizer.startTokenIds, tokenizer.endTokenIds, tokenizer.bosToken], [[1], [], "<s>"]);
  for (const text of ["the  camel\ufeff \u4f60\u597d", "\ufeff\ufeff", "e\u0301 \u{1f469}"]) {
    assertEquals(tokenizer.decode(tokenizer.encode(text)), text);
  }
});

/** A tokenizer.json whose model and tokens are those of the golden file. */
function restored(given: Record<string, unknown>): Record<string, unknown> {
  const model = given.model as Record<string, unknown>;
  if (model.vocab === "bytes") {
    const { tokens, merges } = golden.bytes;
    return { ...given, model: { ...model, vocab: idsOf(tokens), merges } };
  }
  const { tokenizer } = ggufTokenizer(
    new Map<string, MetadataValue>([
      ["tokenizer.ggml.model", "llama"],
      ["tokenizer.ggml.tokens", golden.spm.pieces],
      ["tokenizer.ggml.scores", golden.spm.scores],
      ["tokenizer.ggml.token_type", golden.spm.types],
    ]),
  );
  return { ...given, model: { ...model, ...tokenizer.model as object }, added_tokens: tokenizer.added_tokens };
}

function idsOf(tokens: readonly string[]): Record<string, number> {
  return Object.fromEntries(tokens.map((token, id) => [token, id]));
}

for (const [name, { tokenizer, hashes }] of Object.entries(golden.steps)) {
  Deno.test(`tokenizer.json's step ${name} gives the ids of Python's tokenizers on 10,000 odd texts`, () => {
    assertSameIds(createTokenizer({ tokenizer: restored(tokenizer), config: {} }), hashes);
  });
}

Deno.test("a post-processor's tokens are those around a text", () => {
  const { tokenizer, ids, start, end } = golden.bounded;
  const { startTokenIds, endTokenIds, encode } = createTokenizer({ tokenizer: restored(tokenizer), config: {} });
  assertEquals([startTokenIds, endTokenIds], [start, end]);
  assertEquals([...startTokenIds, ...encode("the"), ...endTokenIds], ids);
  assert(ids.length > 2);
});
