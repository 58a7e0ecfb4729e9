import { assertEquals, assertThrows } from "@std/assert";
import { ggufTokenizer } from "../../../lib/engine/checkpoint/gguf/gguf_tokenizer.ts";
import { readGguf } from "../../../lib/engine/checkpoint/gguf/read_gguf.ts";
import { createTokenizer, type Tokenizer } from "../../../lib/engine/tokenizer/tokenizer.ts";
import { openFileSource } from "../../../lib/files/byte_source.ts";
import { smollm2Path } from "../../fixtures/smollm2.ts";
import golden from "../../goldens/tokenizer.json" with { type: "json" };

function assertSameIds(tokenizer: Tokenizer, expected: readonly (readonly number[])[]): void {
  golden.texts.forEach((text, index) => {
    assertEquals(tokenizer.encode(text), expected[index], `of ${JSON.stringify(text)}`);
  });
}

const small = () => createTokenizer({ tokenizer: golden.small.tokenizer, config: { eos_token: "<|im_end|>" } });

Deno.test("a tokenizer.json gives the ids of Python's tokenizers on odd texts", () => {
  assertSameIds(small(), golden.small.ids);
});

Deno.test("special tokens in a text are recognised and none is added", () => {
  const tokenizer = small();
  assertEquals(tokenizer.encode(""), []);
  assertEquals(tokenizer.encode("<|im_start|><|im_end|>"), [1, 2]);
  assertEquals(tokenizer.decode([1, 2]), "<|im_start|><|im_end|>");
  assertEquals(tokenizer.decode([1, 17, 2], { specialTokens: "skip" }), "!");
  assertEquals(tokenizer.eosTokenIds, [2]);
});

Deno.test("a token's text is the vocabulary's own, and ids without a token have none", () => {
  const tokenizer = small();
  const [id] = tokenizer.encode(" the");
  assertEquals(tokenizer.tokenText(id), "Ġthe");
  assertEquals(tokenizer.decode([id]), " the");
  assertEquals(tokenizer.vocabSize, 505);
  assertEquals(tokenizer.tokenText(505), "");
  assertEquals(tokenizer.decode([999_999, id, -1, 0.5]), " the");
  assertEquals(tokenizer.decode([]), "");
});

Deno.test("white space, punctuation and a byte order mark come back as they were", () => {
  const tokenizer = small();
  for (const text of [" .", "do n't , ?", "\ufeffx\ufeff", "  two  spaces  ", "\r\n\t"]) {
    assertEquals(tokenizer.decode(tokenizer.encode(text)), text);
  }
});

Deno.test("files that are no tokenizer are one error", () => {
  for (const tokenizer of [{}, { model: 5 }, { model: { type: "BPE", vocab: {} } }]) {
    assertThrows(() => createTokenizer({ tokenizer, config: {} }), SyntaxError, "Cannot read the tokenizer");
  }
});

/** Letters, a word of two of them, and an unknown token. */
const LETTERS = {
  type: "BPE",
  unk_token: "<unk>",
  byte_fallback: true,
  vocab: { "<unk>": 0, a: 1, b: 2, ab: 3 },
  merges: ["a b"],
};

Deno.test("a model of no type is BPE, as Python reads it", () => {
  const ids = (model: object) => createTokenizer({ tokenizer: { model }, config: {} }).encode("ab cab");
  const { type: _, ...untyped } = LETTERS;
  assertEquals(ids(untyped), ids(LETTERS));
  assertEquals(ids(untyped), [3, 0, 0, 3]);
});

Deno.test("a pattern that no tokenizer has for its length is refused at load, wherever it stands", () => {
  const long = { type: "Replace", pattern: { String: "a".repeat(98_000) }, content: " " };
  const split = { type: "Split", pattern: { Regex: "a?".repeat(30_000) }, behavior: "Isolated" };
  for (const part of [{ decoder: long }, { normalizer: long }, { pre_tokenizer: split }]) {
    assertThrows(
      () => createTokenizer({ tokenizer: { model: LETTERS, ...part }, config: {} }),
      RangeError,
      "0 characters long",
    );
  }
});

const path = await smollm2Path();

function smollm2(pre?: string): Tokenizer {
  using source = openFileSource(path!);
  const { metadata } = readGguf(source);
  return createTokenizer(
    ggufTokenizer(pre === undefined ? metadata : new Map([...metadata, ["tokenizer.ggml.pre", pre]])),
  );
}

for (const [pre, ids] of Object.entries(golden.ids)) {
  Deno.test({
    name: `SmolLM2's vocabulary under the pre-tokenizer ${pre} gives the ids of Python's tokenizers`,
    ignore: path === undefined,
    fn: () => assertSameIds(smollm2(pre), ids),
  });
}

Deno.test({
  name: "SmolLM2's tokenizer decodes any ids as Python's tokenizers do",
  ignore: path === undefined,
  fn: () => {
    const tokenizer = smollm2();
    for (const { ids, text, without_special } of golden.decoded) {
      assertEquals(tokenizer.decode(ids), text);
      assertEquals(tokenizer.decode(ids, { specialTokens: "skip" }), without_special);
    }
    assertEquals([tokenizer.vocabSize, tokenizer.eosTokenIds], [49152, [2]]);
  },
});

Deno.test({
  name: "SmolLM2's chat template is applied from its GGUF",
  ignore: path === undefined,
  fn: () => {
    const messages = [{ role: "user", content: "Hi " }, { role: "assistant", content: "Hello" }] as const;
    const text =
      "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n" +
      "<|im_start|>user\nHi <|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n";
    assertEquals(smollm2().applyChatTemplate(messages), text);
    assertEquals(
      smollm2().applyChatTemplate(messages, { addGenerationPrompt: true }),
      text + "<|im_start|>assistant\n",
    );
  },
});
