import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import type { CheckpointContent } from "../../../lib/engine/checkpoint/checkpoint.ts";
import { ggufCheckpoint } from "../../../lib/engine/checkpoint/gguf/gguf_checkpoint.ts";
import { safetensorsCheckpoint } from "../../../lib/engine/checkpoint/safetensors/hugging_face_checkpoint.ts";
import { createTokenizer, encodeStart } from "../../../lib/engine/tokenizer/tokenizer.ts";
import { memorySource } from "../../../lib/files/byte_source.ts";
import { ggufBytes, type Value } from "../../fixtures/gguf_bytes.ts";
import { tensorsFile } from "../../fixtures/safetensors_bytes.ts";
import { tinyGguf } from "../../fixtures/tiny_gguf.ts";
import { tinyConfig, tinyTensors } from "../../fixtures/tiny_safetensors.ts";
import keys from "../../goldens/checkpoint_keys.json" with { type: "json" };

type Json = Record<string, unknown>;
type File = keyof typeof keys;
type Decision = "honored" | "refused" | "no effect";

const TABLE = readTable(await Deno.readTextFile(new URL("../../../docs/checkpoint_keys.md", import.meta.url)));

/** The rows of docs/checkpoint_keys.md by the file that the heading above them names. */
function readTable(markdown: string): Map<File, Map<string, Decision>> {
  const sections = markdown.split(/^## /m).slice(1);
  return new Map(sections.map((section) => {
    const rows = [...section.matchAll(/^\| `([^`]+)` +\| (honored|refused|no effect) +\| (.*?) *\|$/gm)];
    for (const [, key, decision, how] of rows) assert(decision !== "no effect" || how !== "", `${key} has no reason`);
    return [
      section.slice(0, section.indexOf("\n")) as File,
      new Map(rows.map(([, key, decision]) => [key, decision as Decision])),
    ];
  }));
}

function rowsOf(file: File, decision: Decision): string[] {
  return [...TABLE.get(file)!].filter(([, found]) => found === decision).map(([key]) => key);
}

Deno.test("docs/checkpoint_keys.md has a row for every key that llama.cpp and transformers know", () => {
  for (const [file, known] of Object.entries(keys)) {
    assertEquals([...TABLE.get(file as File)!.keys()].sort(), [...known].sort(), file);
  }
});

/** What a checkpoint comes to, as far as the keys of this table go. */
function outcome({ config, tokenizer: files, tensors, readTensor }: CheckpointContent): unknown {
  const tokenizer = createTokenizer(files, { eosTokenIds: config.eosTokenIds });
  const texts = ["ab c", " ab  <|end|> c", "<tool>a<pad>", "cc", "\u2581a", "don't , a", "<new>b", "\u0120a", "acb"];
  const ids = texts.map((text) => tokenizer.encode(text));
  return [
    { ...config, tensors: [...tensors.keys()].map((name) => [name, ...readTensor(name).slice(0, 2)]) },
    texts.map((text) => encodeStart(tokenizer, text)),
    ids.map((list) => tokenizer.decode(list, { spaces: tokenizer.spaces })),
    ids.map((list) => tokenizer.decode(list, { specialTokens: "skip" })),
    [tokenizer.eosTokenIds, tokenizer.startTokenIds, tokenizer.endTokenIds, tokenizer.bosToken, tokenizer.vocabSize],
    tokenizer.hasChatTemplate ? tokenizer.applyChatTemplate([{ role: "user", content: "a" }]) : "",
  ];
}

const NAMES = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"].map((name) => `{{ ${name}_token }}|`).join("");
const TEMPLATE = `${NAMES}{% for m in messages %}{{ m.content }}{% endfor %}`;

// GGUF

const BYTES: Json = {
  "tokenizer.ggml.tokens": ["a", "b", "c", "ab", "<|end|>", "<tool>"],
  "tokenizer.chat_template": TEMPLATE,
};
const SPM: Json = {
  ...BYTES,
  "tokenizer.ggml.model": "llama",
  "tokenizer.ggml.tokens": ["a", "b", "\u2581", "ab", "<|end|>", "\u2581a"],
  "tokenizer.ggml.scores": [-5.5, -4.5, -3.5, -1.5, -0.5, -2.5],
  "tokenizer.ggml.token_type": [1, 1, 1, 1, 3, 1],
  "tokenizer.ggml.bos_token_id": 4,
  "tokenizer.ggml.unknown_token_id": 4,
};

function gguf(metadata: Json, alignment = 32): CheckpointContent {
  const file = tinyGguf("llama", { metadata: { ...BYTES, ...metadata } as Record<string, Value> });
  return ggufCheckpoint(memorySource(ggufBytes({ ...file, alignment })));
}

/** A value of each key that changes something, beside other metadata; the split's keys have a test of their own. */
const GGUF_CHANGES: Readonly<Record<string, [unknown, Json?]>> = {
  "general.name": ["Phi-3", SPM],
  "tokenizer.ggml.model": ["llama", { ...SPM, "tokenizer.ggml.model": "gpt2" }],
  "tokenizer.ggml.pre": ["llama-bpe", { "tokenizer.ggml.bos_token_id": 5 }],
  "tokenizer.ggml.tokens": [["b", "a", "c", "ab", "<|end|>", "<tool>"]],
  "tokenizer.ggml.token_type": [[1, 1, 1, 1, 3, 1]],
  "tokenizer.ggml.scores": [[-5.5, -4.5, -3.5, -2.5, -0.5, -1.5], SPM],
  "tokenizer.ggml.merges": [[]],
  "tokenizer.ggml.bos_token_id": [5],
  "tokenizer.ggml.eos_token_id": [5],
  "tokenizer.ggml.eot_token_id": [5],
  "tokenizer.ggml.eom_token_id": [5],
  "tokenizer.ggml.unknown_token_id": [5],
  "tokenizer.ggml.padding_token_id": [5],
  "tokenizer.ggml.add_bos_token": [true, { "tokenizer.ggml.bos_token_id": 5 }],
  "tokenizer.ggml.add_eos_token": [true],
  "tokenizer.ggml.add_space_prefix": [false, SPM],
  "tokenizer.chat_template": ["{{ messages[0].content }}!"],
};
const GGUF_REFUSED: Readonly<Record<string, [unknown, Json?]>> = {
  "general.type": ["adapter"],
  "general.quantization_version": [1],
  "tokenizer.ggml.add_sep_token": [true],
  "tokenizer.ggml.remove_extra_whitespaces": [true, SPM],
  "tokenizer.ggml.suppress_tokens": [[3]],
};

for (const key of rowsOf("GGUF", "honored").filter((key) => !/^split\.|alignment|architecture/.test(key))) {
  Deno.test(`a GGUF's ${key} is honored`, () => {
    const [value, base = {}] = GGUF_CHANGES[key];
    assertNotEquals(outcome(gguf({ ...base, [key]: value })), outcome(gguf(base)));
  });
}

Deno.test("a GGUF's general.alignment and general.architecture are honored", () => {
  const aligned = { "general.alignment": 4096 };
  assertEquals(outcome(gguf(aligned, 4096)), outcome(gguf({})));
  assertThrows(() => gguf(aligned, 32), SyntaxError);
  assertThrows(() => gguf({ "general.architecture": "bert" }), RangeError, "bert");
});

for (const key of rowsOf("GGUF", "refused")) {
  Deno.test(`a GGUF's ${key} is refused by name`, () => {
    const [value, base = {}] = GGUF_REFUSED[key];
    outcome(gguf(base));
    assertThrows(() => gguf({ ...base, [key]: value }), RangeError, key.replace("tokenizer.", ""));
  });
}

Deno.test("the other keys of a GGUF have no effect", () => {
  const others = rowsOf("GGUF", "no effect").map((key) => [key.replace("{id}", "0").replace("{name}", "tool_use"), 1]);
  for (const base of [BYTES, SPM]) {
    assertEquals(outcome(gguf({ ...base, ...Object.fromEntries(others) })), outcome(gguf(base)));
  }
});

// Hugging Face's folders

const TOKEN = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
const TOKENIZER: Json = {
  added_tokens: [{ ...TOKEN, id: 4, content: "<|end|>" }, { ...TOKEN, id: 5, content: "<tool>", special: false }],
  decoder: { type: "Fuse" },
  model: {
    type: "BPE",
    vocab: { a: 0, b: 1, c: 2, ab: 3, "<|end|>": 4, "<tool>": 5, " ": 6, "<0xE2>": 7, "<0x96>": 8, "<0x81>": 9 },
    merges: [["a", "b"]],
  },
};

interface Folder {
  readonly generation?: Json;
  readonly config?: Json;
  readonly tokenizer?: Json;
  readonly model?: Json;
}

function folder({ generation, config, tokenizer, model }: Folder): CheckpointContent {
  const weights = memorySource(tensorsFile(tinyTensors()));
  const whole = { ...TOKENIZER, ...tokenizer, model: { ...TOKENIZER.model as Json, ...model } };
  return safetensorsCheckpoint({
    config: tinyConfig(),
    generation,
    tokenizer: { tokenizer: whole, config: { chat_template: TEMPLATE, bos_token: "<|end|>", ...config } },
    weights: new Map([["model.safetensors", weights]]),
  });
}

const decoder = { "<new>": 10 };
const added = { 10: { ...TOKEN, content: "<new>" } };
/** A value of each key that changes something. */
const FOLDER_CHANGES: Readonly<Record<string, Folder>> = {
  eos_token_id: { generation: { eos_token_id: 1 } },
  bos_token: { config: { bos_token: "<tool>" } },
  ...Object.fromEntries(
    ["eos", "unk", "sep", "pad", "cls", "mask"].map((
      name,
    ) => [`${name}_token`, { config: { [`${name}_token`]: "<pad>" } }]),
  ),
  added_tokens_decoder: { config: { added_tokens_decoder: added } },
  extra_special_tokens: { config: { extra_special_tokens: Object.keys(decoder) } },
  additional_special_tokens: { config: { additional_special_tokens: Object.keys(decoder) } },
  model_specific_special_tokens: { config: { model_specific_special_tokens: { image_token: "<new>" } } },
  add_bos_token: { config: { add_bos_token: true } },
  add_eos_token: { config: { eos_token: "<tool>", add_eos_token: true } },
  chat_template: { config: { chat_template: "{{ messages[0].content }}!" } },
  clean_up_tokenization_spaces: {
    config: { clean_up_tokenization_spaces: true },
    model: { vocab: { ...(TOKENIZER.model as Json).vocab as Json, ",": 10 } },
  },
};
const CLEANED: Folder = { model: FOLDER_CHANGES.clean_up_tokenization_spaces.model };

for (const file of ["generation_config.json", "tokenizer_config.json"] as const) {
  for (const key of rowsOf(file, "honored")) {
    Deno.test(`${file}'s ${key} is honored`, () => {
      const base = key === "clean_up_tokenization_spaces" ? CLEANED : {};
      assertNotEquals(outcome(folder(FOLDER_CHANGES[key])), outcome(folder(base)));
    });
  }
  for (const key of rowsOf(file, "refused")) {
    Deno.test(`${file}'s ${key} is refused by name`, () => {
      const value = key === "guidance_scale" ? 1.5 : key === "split_special_tokens" ? true : [7];
      const given = file === "generation_config.json" ? { generation: { [key]: value } } : { config: { [key]: value } };
      assertThrows(() => outcome(folder(given)), RangeError, `${file}'s ${key} is`);
      for (const none of [null, key === "split_special_tokens" ? false : []]) {
        const silent = file === "generation_config.json"
          ? { generation: { [key]: none } }
          : { config: { [key]: none } };
        assertEquals(outcome(folder(silent)), outcome(folder({})), `${key} ${none}`);
      }
    });
  }
  Deno.test(`the other keys of ${file} have no effect`, () => {
    const others = Object.fromEntries(rowsOf(file, "no effect").map((key) => [key, 1]));
    const given = file === "generation_config.json" ? { generation: others } : { config: others };
    assertEquals(outcome(folder(given)), outcome(folder({})));
  });
}

const withToken = (more: Json): Folder => ({
  tokenizer: {
    added_tokens: [{ ...TOKEN, id: 4, content: "<|end|>", ...more }, (TOKENIZER.added_tokens as Json[])[1]],
  },
});
const processor = (type: string, more: Json = {}): Folder => ({
  tokenizer: { post_processor: { type, sep: ["<|end|>", 4], cls: ["<tool>", 5], ...more } },
});
const SINGLE = { single: [{ SpecialToken: { id: "<tool>" } }, { Sequence: { id: "A" } }] };
const bytesVocab = { vocab: { a: 0, b: 1, c: 2, ab: 3, "\u0120": 6, "<|end|>": 4, "<tool>": 5 }, merges: [["a", "b"]] };
const replace = { pattern: { String: "a" }, content: "b" };

/** What a row of tokenizer.json changes, and, where it is not the plain tokenizer, what it is compared with. */
const TOKENIZER_CHANGES: Readonly<Record<string, [Folder, Folder?]>> = {
  added_tokens: [{ tokenizer: { added_tokens: [] } }],
  "added_tokens.id": [withToken({ id: 3 })],
  "added_tokens.content": [withToken({ content: "cc" })],
  "added_tokens.lstrip": [withToken({ lstrip: true })],
  "added_tokens.rstrip": [withToken({ rstrip: true })],
  "added_tokens.special": [withToken({ special: false })],
  "added_tokens.normalized": [
    {
      tokenizer: {
        ...withToken({ content: "bc", normalized: true }).tokenizer,
        normalizer: { type: "Replace", ...replace },
      },
    },
    { tokenizer: { ...withToken({ content: "bc" }).tokenizer, normalizer: { type: "Replace", ...replace } } },
  ],
  normalizer: [{ tokenizer: { normalizer: { type: "Prepend", prepend: "b" } } }],
  pre_tokenizer: [{ tokenizer: { pre_tokenizer: { type: "WhitespaceSplit" } } }],
  post_processor: [processor("TemplateProcessing", SINGLE)],
  decoder: [{ tokenizer: { decoder: { type: "Replace", ...replace } } }],
  "model.vocab": [{ model: { vocab: { ...(TOKENIZER.model as Json).vocab as Json, c: 1, b: 2 } } }],
  "model.merges": [{ model: { merges: [] } }],
  "model.unk_token": [{ model: { unk_token: "c" } }],
  "model.fuse_unk": [{ model: { unk_token: "c", fuse_unk: true } }, { model: { unk_token: "c" } }],
  "model.byte_fallback": [{ model: { byte_fallback: true } }],
  "model.ignore_merges": [{ model: { merges: [], ignore_merges: true }, tokenizer: split("ab") }, {
    model: { merges: [] },
    tokenizer: split("ab"),
  }],
  ...Object.fromEntries(["NFC", "NFD", "NFKC", "NFKD"].map((type) => [`normalizer ${type}`, [normalizing(type)]])),
  "normalizer Prepend": [{ tokenizer: { normalizer: { type: "Prepend", prepend: "b" } } }],
  "normalizer Replace": [{ tokenizer: { normalizer: { type: "Replace", ...replace } } }],
  "normalizer Strip": [{ tokenizer: { normalizer: { type: "Strip", strip_left: true, strip_right: true } } }],
  "normalizer Sequence": [
    { tokenizer: { normalizer: { type: "Sequence", normalizers: [{ type: "Replace", ...replace }] } } },
  ],
  "pre_tokenizer Split": [{ tokenizer: split() }],
  "pre_tokenizer Sequence": [{
    tokenizer: { pre_tokenizer: { type: "Sequence", pretokenizers: [split().pre_tokenizer] } },
  }],
  "pre_tokenizer Digits": [digits(), digits(false)],
  "pre_tokenizer Punctuation": [punctuation(), punctuation(false)],
  "pre_tokenizer Whitespace": [{ tokenizer: { pre_tokenizer: { type: "Whitespace" } } }],
  "pre_tokenizer WhitespaceSplit": [{ tokenizer: { pre_tokenizer: { type: "WhitespaceSplit" } } }],
  "pre_tokenizer Metaspace": [{ tokenizer: { pre_tokenizer: { type: "Metaspace" } }, model: { unk_token: "c" } }, {
    model: { unk_token: "c" },
  }],
  "pre_tokenizer ByteLevel": [{ tokenizer: { pre_tokenizer: { type: "ByteLevel" } }, model: bytesVocab }, {
    model: bytesVocab,
  }],
  "post_processor TemplateProcessing": [processor("TemplateProcessing", SINGLE)],
  "post_processor BertProcessing": [processor("BertProcessing")],
  "post_processor RobertaProcessing": [processor("RobertaProcessing")],
  "post_processor Sequence": [
    processor("Sequence", { processors: [{ type: "ByteLevel" }, { type: "TemplateProcessing", ...SINGLE }] }),
  ],
  "decoder ByteLevel": [
    { tokenizer: { decoder: { type: "ByteLevel" } }, model: bytesVocab },
    { model: bytesVocab },
  ],
  "decoder Metaspace": [decoding({ type: "Metaspace" }), decoding({ type: "Fuse" })],
  "decoder Replace": [{ tokenizer: { decoder: { type: "Replace", ...replace } } }],
  "decoder Strip": [{ tokenizer: { decoder: { type: "Strip", content: "a", start: 1, stop: 0 } } }],
  "decoder ByteFallback": [{ tokenizer: { decoder: { type: "ByteFallback" } }, model: { byte_fallback: true } }, {
    model: { byte_fallback: true },
  }],
  "decoder Sequence": [{ tokenizer: { decoder: { type: "Sequence", decoders: [{ type: "Replace", ...replace }] } } }],
};

function split(pattern = "a"): Json {
  return { pre_tokenizer: { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false } };
}

function normalizing(type: string): Folder {
  const vocab = { ...(TOKENIZER.model as Json).vocab as Json, "\u212b": 10, "\u00c5": 11, "A": 12, "\u030a": 13 };
  return {
    tokenizer: { normalizer: { type: "Sequence", normalizers: [{ type: "Prepend", prepend: "\u212b" }, { type }] } },
    model: { vocab },
  };
}

function digits(own = true): Folder {
  const model = {
    vocab: { ...(TOKENIZER.model as Json).vocab as Json, "1": 10, "a1": 11 },
    merges: [["a", "1"]],
  };
  const normalizer = { type: "Replace", pattern: { String: "c" }, content: "a1" };
  return { model, tokenizer: { normalizer, ...(own ? { pre_tokenizer: { type: "Digits" } } : {}) } };
}

function punctuation(own = true): Folder {
  const model = { vocab: { ...(TOKENIZER.model as Json).vocab as Json, ",": 10, " ,": 11 }, merges: [[" ", ","]] };
  return { model, tokenizer: own ? { pre_tokenizer: { type: "Punctuation" } } : {} };
}

function decoding(own: Json): Folder {
  return {
    tokenizer: { decoder: own },
    model: { vocab: { ...(TOKENIZER.model as Json).vocab as Json, "\u2581": 10 } },
  };
}

/** Rows that say where to look, or of which there is always one. */
const ALWAYS = ["model.type", "model.type BPE", "post_processor ByteLevel", "decoder Fuse"];

for (const key of rowsOf("tokenizer.json", "honored").filter((key) => !ALWAYS.includes(key))) {
  Deno.test(`tokenizer.json's ${key} is honored`, () => {
    const [changed, base = {}] = TOKENIZER_CHANGES[key];
    assertNotEquals(outcome(folder(changed)), outcome(folder(base)));
  });
}

for (const key of rowsOf("tokenizer.json", "refused")) {
  Deno.test(`tokenizer.json's ${key} is refused by name`, () => {
    const [part, type] = key.split(" ");
    const changed = part === "added_tokens.single_word"
      ? withToken({ single_word: true })
      : part.startsWith("model.")
      ? { model: { [part.slice(6)]: type ?? (part === "model.dropout" ? 0.1 : "##") } }
      : { tokenizer: { [part]: { type } } };
    assertThrows(() => outcome(folder(changed)), RangeError, type ?? part.split(".")[1]);
  });
}

Deno.test("the other keys of tokenizer.json have no effect", () => {
  const others = Object.fromEntries(rowsOf("tokenizer.json", "no effect").map((key) => [key, { max_length: 1 }]));
  assertEquals(outcome(folder({ tokenizer: others })), outcome(folder({})));
});

Deno.test("a chat template sees the messages and whether an answer is to begin; tools and documents are none", () => {
  const { tokenizer } = folder({
    config: {
      chat_template: "{{ messages[0].content }}{{ add_generation_prompt }}{{ tools is none }}{{ documents is none }}",
    },
  });
  const { applyChatTemplate } = createTokenizer(tokenizer);
  const messages = [{ role: "user", content: "a" }] as const;
  assertEquals(applyChatTemplate(messages), "aFalseTrueTrue");
  assertEquals(applyChatTemplate(messages, { addGenerationPrompt: true }), "aTrueTrueTrue");
});
