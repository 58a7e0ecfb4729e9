import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { readCheckpoint } from "../../../lib/engine/checkpoint/read_checkpoint.ts";
import { readSafetensors } from "../../../lib/engine/checkpoint/safetensors/read_safetensors.ts";
import { createTokenizer } from "../../../lib/engine/tokenizer/tokenizer.ts";
import { memorySource } from "../../../lib/files/byte_source.ts";
import { safetensorsBytes, tensorsFile } from "../../fixtures/safetensors_bytes.ts";
import { counting, tinyConfig, tinyTensors } from "../../fixtures/tiny_safetensors.ts";
import { withFiles } from "../../fixtures/with_folder.ts";
import tokenizer from "../../goldens/families/tokenizer.json" with { type: "json" };

const SOUND = { "config.json": tinyConfig(), "model.safetensors": tensorsFile(tinyTensors()), "tokenizer.json": {} };

/** Files that claim too much, each with what is said of it. */
const TOO_MUCH: Readonly<Record<string, readonly [string, string | Uint8Array | object, string]>> = {
  "a config.json of brackets": ["config.json", `{"a":${"[".repeat(1e6)}`, "nest too deep: the limit is 128 levels"],
  "a config.json of 17 MB": ["config.json", `{"a":"${"a".repeat(17 << 20)}"}`, "the limit is 16777216"],
  "a chat template of 2 MB": ["chat_template.jinja", "a".repeat(2 << 20), "the limit is 1048576"],
  "a chat template that is no UTF-8": ["chat_template.jinja", Uint8Array.of(0x61, 0xe9), "no UTF-8"],
  "a safetensors header of 9 MB": [
    "model.safetensors",
    Buffer.concat([safetensorsBytes("", new Uint8Array(0), 9 << 20), new Uint8Array(9 << 20).fill(0x20)]),
    "at most 8388608 can be",
  ],
};
for (const [what, [name, content, message]] of Object.entries(TOO_MUCH)) {
  Deno.test(`${what} is refused at once, in one line that says the limit`, () =>
    withFiles({ ...SOUND, [name]: content }, async (_, folder) => {
      const error = await assertRejects(() => readCheckpoint(folder), Error, message);
      assert(error instanceof RangeError || error instanceof SyntaxError);
    }));
}

Deno.test("a safetensors header begins with its brace: no byte order mark, no space", () => {
  for (const before of ["\ufeff", " "]) {
    const bytes = safetensorsBytes(`${before}{}`, new Uint8Array(0));
    assertThrows(() => readSafetensors(memorySource(bytes)), SyntaxError, "it must begin with {");
  }
});

Deno.test("frequencies that a shard holds and the index does not list change nothing", async () => {
  const [embedding, ...rest] = Object.entries(tinyTensors());
  const [first, second] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
  const inverse = { "model.layers.0.self_attn.rotary_emb.inv_freq": counting([1]) };
  const { "model.safetensors": _, ...files } = SOUND;
  await withFiles({
    ...files,
    [first]: tensorsFile(Object.fromEntries([embedding])),
    [second]: tensorsFile({ ...Object.fromEntries(rest), ...inverse }),
    "model.safetensors.index.json": {
      weight_map: Object.fromEntries([[embedding[0], first], ...rest.map(([name]) => [name, second])]),
    },
  }, async (_, folder) => {
    using checkpoint = await readCheckpoint(folder);
    assertEquals(checkpoint.tensors.size, rest.length + 1);
  });
});

/** Regular expressions, and whether each is refused: repeated repetitions, on which some texts take for ever. */
const PATTERNS: Readonly<Record<string, "refused" | "taken">> = {
  "(a+)+$": "refused",
  "(?:a*)*b": "refused",
  "(a|a)+b": "refused",
  "((a{2,})b?){3,}": "refused",
  "(?:\\s|x)+": "refused",
  "[(a+)+]": "taken",
  "\\(a+\\)+": "taken",
  "(?:ab)+": "taken",
  "(?i:'s|'t)| ?\\p{L}+|\\s+(?!\\S)|\\s+": "taken",
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}]*[\\p{Ll}]+(?i:'s|'t|'re)?|\\p{N}{1,3}": "taken",
};
for (const [Regex, outcome] of Object.entries(PATTERNS)) {
  Deno.test(`the pattern ${Regex} is ${outcome}`, () => {
    const split = { type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false };
    const open = () => createTokenizer({ tokenizer: { ...tokenizer, pre_tokenizer: split }, config: {} });
    if (outcome === "refused") assertThrows(open, RangeError, "repeated repetitions or alternatives");
    else assert(open().encode("aaaa").length > 0);
  });
}

Deno.test("a tokenizer.json of the wrong shape is one line that names the part", () => {
  const model = tokenizer.model;
  const wrong: [object, string][] = [
    [{ model: null }, "tokenizer.json's model must be an object: current value is null"],
    [{ model: { ...model, vocab: [] } }, "tokenizer.json's model.vocab must be an object of tokens and ids"],
    [{ model: { ...model, vocab: { a: "0" } } }, `tokenizer.json's id of "a" must be a whole number from 0`],
    [{ model: { ...model, merges: [["a", 1]] } }, 'its merge ["a",1] is not two tokens'],
    [{ added_tokens: [{ id: -1, content: "x" }] }, `added token "x"'s id must be a whole number from 0`],
    [{ added_tokens: [{ id: 1, content: "" }] }, "added token's content must be a text of 1 to 1024 characters"],
    [{ normalizer: { type: "Replace", content: 1 } }, "Replace's content must be a text: current value is 1"],
    [{ pre_tokenizer: {} }, "tokenizer.json's pre_tokenizer is absent"],
    [{ pre_tokenizer: { type: "Sequence" } }, "pretokenizers must be a list of objects: current value is absent"],
    [{ pre_tokenizer: { type: "Split", pattern: { Regex: "(" }, behavior: "Isolated" } }, "no regular expression"],
    [{ post_processor: { type: "TemplateProcessing", single: [1] } }, "post_processor's single must be a list of"],
  ];
  for (const [change, message] of wrong) {
    const error = assertThrows(() => createTokenizer({ tokenizer: { ...tokenizer, ...change }, config: {} }), Error);
    assert(error.message.includes(message), error.message);
  }
});
