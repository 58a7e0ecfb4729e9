import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { createTextStream } from "../../../lib/engine/tokenizer/text_stream.ts";
import { createTokenizer, type Tokenizer } from "../../../lib/engine/tokenizer/tokenizer.ts";
import golden from "../../goldens/tokenizer.json" with { type: "json" };

const bytes = createTokenizer({ tokenizer: golden.small.tokenizer, config: {} });

/** A decoder that drops the first token's space, as SentencePiece's do. */
const words: Tokenizer = createTokenizer({
  tokenizer: {
    model: { type: "BPE", vocab: { "▁a": 0, "▁b": 1, c: 2, "<0xC3>": 3, "<0xA9>": 4 }, merges: [] },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
  },
  config: {},
});

function stream(tokenizer: Tokenizer, ids: readonly number[]): string[] {
  const texts = createTextStream(tokenizer);
  return [...ids.map((id) => texts.push(id)), texts.flush()];
}

Deno.test("a character in several tokens comes whole with its last", () => {
  const ids = bytes.encode("é漢👍!"); // 2, 3 and 4 bytes, none of them merged in this vocabulary
  const parts = stream(bytes, ids);
  assertEquals(parts.filter((part) => part !== ""), ["é", "漢", "👍", "!"]);
  assertEquals(parts.length, ids.length + 1);
});

Deno.test("a character that never becomes whole shows at the end, as one replacement", () => {
  const ids = bytes.encode("a👍").slice(0, -1);
  assertEquals(stream(bytes, ids), ["a", "", "", "", "\ufffd"]);
});

Deno.test("the parts of any ids make up their text", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.vocabSize + 5), { maxLength: 40 }), (ids) => {
      assertEquals(stream(bytes, ids).join(""), bytes.decode(ids));
    }),
    { numRuns: 500 },
  );
});

Deno.test("the parts of any text make it up without a replacement that will not stay", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const ids = bytes.encode(text);
      const parts = stream(bytes, ids);
      assertEquals(parts.join(""), bytes.decode(ids));
      const stays = bytes.decode(ids).includes("\ufffd");
      assert(stays || parts.every((part) => !part.includes("\ufffd")));
    }),
    { numRuns: 500 },
  );
});

Deno.test("decoders that treat the first token apart give the same text in parts", () => {
  assertEquals(stream(words, [0, 1, 2, 3, 4, 1]), ["a", " b", "c", "", "é", " b", ""]);
  fc.assert(fc.property(fc.array(fc.nat(4), { maxLength: 20 }), (ids) => {
    assertEquals(stream(words, ids).join(""), words.decode(ids));
  }));
});
