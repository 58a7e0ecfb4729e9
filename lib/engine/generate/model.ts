import { checkOptions, checkWord, type OptionNames } from "../../numeric/nearest_name.ts";
import { DISPLAY, type Displayable, type DisplayBundle } from "../../display/display.ts";
import { factsDisplay, grouped, inMebibytes } from "../../display/facts.ts";
import type { Bound } from "../cache/bound.ts";
import { KvCache } from "../cache/kv_cache.ts";
import type { Checkpoint, ModelConfig } from "../checkpoint/checkpoint.ts";
import type { WeightFormat } from "../graph/weights.ts";
import { ModelObserver } from "../observe/model_observer.ts";
import { type CacheDtype, checkCacheDtype, isFloat32 } from "../rows/cache_dtype.ts";
import { textBytes } from "../rows/cache_shape.ts";
import type { DecoderPool } from "../runtime/decoder_pool.ts";
import { prefillRecordings, type Recording, recordingsFor } from "../signals/signals.ts";
import { splitChatTemplate, turnIds, userIds, type UserTokens } from "../tokenizer/chat_template.ts";
import { createTextStream } from "../tokenizer/text_stream.ts";
import { checkText, encodeStart, type Tokenizer } from "../tokenizer/tokenizer.ts";
import { type FinishReason, type GeneratedToken, Generation } from "./generation.ts";
import { checkOwner, loadCache, type LoadingModel } from "./load_cache.ts";
import { checkReadOptions, type ReadOptions, readTokens } from "./read_tokens.ts";
import { createSampler, type SamplingOptions } from "./sampling.ts";
import { type Draft, SpeculativeDecoder } from "./speculative_decoder.ts";

/** Whether a text becomes the user's turn of a chat, or is read as it is. */
export type Template = "chat" | "none";

/** The origin of a model. */
export interface ModelOrigin {
  /** The model's name. */
  readonly name: string;
  /** The name in reports, which says whether it is the embedded model. */
  readonly label: string;
  /** The file or service of the weights, in a sentence. */
  readonly source: string;
  /** The format of the weights in memory. */
  readonly weights: WeightFormat;
  /** Tells apart what the code makes of the checkpoint, weights in their format and graph; hex. */
  readonly build: string;
}

/** Options of {@linkcode Model.prefill}. */
export interface PrefillOptions extends Omit<ReadOptions, "logitsOf" | "attention" | "evict"> {
  /** `chat` by default: the text opens the user's turn. `none`: it is read as it is, behind the checkpoint's first token. */
  readonly template?: Template;
  /** `spelled` by default: special tokens in a text of the user's turn are words like any others. */
  readonly specialTokens?: UserTokens;
  /** Recordings for policies; {@linkcode DEFAULT_RECORDINGS} and the bound's by default. */
  readonly recordings?: readonly Recording[];
  /** Quantization of the rows: once the text is read or, under a bound, as they age; float32 by default. */
  readonly cacheDtype?: CacheDtype;
}

/** Options of {@linkcode Model.generate}. */
export interface GenerateOptions extends SamplingOptions {
  /** The text read before; it grows by the question and the answer. Without it the question is the whole text. */
  readonly cache?: KvCache;
  /** Tokens of the answer, 128 by default. */
  readonly maxNewTokens?: number;
  /** `chat` by default: the question closes the user's turn. `none`: it is read as it is. */
  readonly template?: Template;
  /** `spelled` by default: special tokens in a question of the user's turn are words like any others. */
  readonly specialTokens?: UserTokens;
  /** Whether to generate `maxNewTokens` in any case; false by default: the model's end token ends the answer. */
  readonly ignoreEos?: boolean;
  /** `skip`, which is faster, unless the bound's policy takes attention; `record`: adds to the recordings. */
  readonly attention?: "record" | "skip";
  /** Evicts while the question is read and the answer generated, so that the cache stays within the bound. */
  readonly bound?: Bound;
  /** Ends the generation between two tokens. */
  readonly signal?: AbortSignal;
  /** Called while the question is read, with the tokens read so far and in all. */
  readonly onProgress?: (read: number, total: number) => void;
  /**
   * Called with a sentence when a bounded text passes the model's context at logical positions, and where the context ends
   * an answer.
   */
  readonly onNotice?: (notice: string) => void;
  /**
   * Drafts tokens of the answer, which the model checks in one run: an answer drafted rightly takes one run instead of
   * one a token. Every draft gives the same answer, as each run then has two tokens or more. An answer without drafts
   * comes from runs of one token, which add in another order: it differs only where logits are within some 1e-4 of each
   * other with float32 weights, within some 0.5 with quantized weights, whose products round their inputs.
   *
   * Drafts are used only where rows are float32, sampling is greedy, and nothing is recorded: beside a bound, where its
   * policy takes no attention.
   */
  readonly draft?: Draft;
  /** Called before each token with its logits, `[vocab]`. */
  readonly onLogits?: (logits: Float32Array) => void;
}

/**
 * A loaded language model: weights, tokenizer and decoder. The state of a text is in its cache, not here.
 *
 * @example Read a text once, ask twice
 * ```ts
 * import { assertStringIncludes } from "@std/assert";
 * import { loadModel } from "kvmirror/engine";
 *
 * await using model = await loadModel("tiny");
 * const context = await model.prefill("The special number for whale is 4711. The special number for ship is 2305.");
 * for (const [name, number] of [["whale", "4711"], ["ship", "2305"]]) {
 *   using cache = context.fork();
 *   let answer = "";
 *   for await (const { text } of model.generate(`What is the special number for ${name}?`, { cache })) answer += text;
 *   assertStringIncludes(answer, number);
 * }
 * ```
 */
export class Model implements AsyncDisposable, Displayable {
  /** The model's origin. */
  readonly origin: ModelOrigin;
  /** The model's sizes and traits. */
  readonly config: ModelConfig;
  /** The model's tokenizer. */
  readonly tokenizer: Tokenizer;
  /** sha256 of the checkpoint's content, hex. */
  readonly hash: string;
  readonly #sessions: DecoderPool;
  readonly #observer: ModelObserver;
  readonly #caches: LoadingModel;
  /** Runs that use the decoder now, and who waits for their end. */
  #running = 0;
  #idle?: () => void;
  #closing?: Promise<void>;

  /** Users get a model from {@linkcode loadModel}. */
  constructor(origin: ModelOrigin, checkpoint: Checkpoint, tokenizer: Tokenizer, sessions: DecoderPool) {
    this.origin = origin;
    this.config = checkpoint.config;
    this.hash = checkpoint.hash;
    this.tokenizer = tokenizer;
    this.#sessions = sessions;
    this.#observer = new ModelObserver({
      config: this.config,
      tokenizer,
      sessions,
      path: checkpoint.path,
      hash: checkpoint.hash,
    });
    const { numHiddenLayers, numKeyValueHeads, numAttentionHeads, headDim, rotary, rotaryBeyond, windows } =
      this.config;
    this.#caches = {
      owner: { name: origin.name, hash: this.hash, weights: origin.weights },
      vocabSize: this.config.vocabSize,
      observer: async (...cache) => {
        this.#checkOpen();
        return await this.#run(this.#observer.observe(...cache));
      },
      shape: {
        layerCount: numHiddenLayers,
        kvHeadCount: numKeyValueHeads,
        groupSize: numAttentionHeads / numKeyValueHeads,
        headDim,
        rotary,
        ...(rotaryBeyond === undefined ? {} : { rotaryBeyond }),
        windows,
      },
    };
  }

  /** Makes an empty cache of this model, which quantizes rows as they age where a cache dtype is given. */
  createCache(recordings: readonly Recording[] = [], cacheDtype?: CacheDtype): KvCache {
    this.#checkOpen();
    const { shape, observer, owner } = this.#caches;
    const cache = new KvCache(shape, recordings, observer, owner);
    if (cacheDtype !== undefined) cache.quantize(cacheDtype);
    return cache;
  }

  /**
   * Reads a cache that {@linkcode KvCache.save} wrote, with its signals, pins and marks: the same to the bit.
   *
   * @throws {SyntaxError} if the file is no cache, of another version, damaged or cut short
   * @throws {TypeError} if another model computed it, or this model in another weight format
   * @throws {RangeError} if there is no such file
   */
  loadCache(path: string): Promise<KvCache> {
    return new Promise((resolve) => {
      this.#checkOpen();
      resolve(loadCache(path, this.#caches));
    });
  }

  /**
   * Reads a text into a new cache and records the signals of policies.
   *
   * @throws {TypeError} if it is no text
   * @throws {RangeError} if the text is empty or longer than the model's context
   */
  async prefill(
    text: string,
    options: PrefillOptions = {},
  ): Promise<KvCache> {
    checkOptions("prefill", options, PREFILL_OPTIONS);
    const { template = "chat", specialTokens = "spelled", recordings, cacheDtype, ...read } = options;
    checkWord("template", template, TEMPLATES);
    checkText("prefill", text);
    if (text === "") throw new RangeError("Cannot prefill an empty text: give at least one character");
    if (cacheDtype !== undefined) checkCacheDtype(cacheDtype);
    const early = read.bound === undefined ? undefined : cacheDtype;
    const cache = this.createCache(recordings ?? prefillRecordings(read.bound?.policy.signals ?? []), early);
    const ids = template === "chat"
      ? openingIds(this.tokenizer, text, specialTokens)
      : encodeStart(this.tokenizer, text);
    await this.read(cache, ids, { ...read, logitsOf: "none" });
    if (cacheDtype !== undefined) cache.quantize(cacheDtype, { onNotice: options.onNotice });
    return cache;
  }

  /**
   * Reads tokens into a cache, which is locked meanwhile: forks of it stay free. `prefill` and `generate` call it.
   *
   * @returns logits of the last token, `[vocab]`, unless the options ask for others
   * @throws {TypeError} if the cache is in use or was disposed of, or another model or other weights computed its rows
   * @throws {RangeError} if an id is none of the vocabulary's, the tokens do not fit the model's context, or the weights
   * give logits that are no numbers
   */
  async read(cache: KvCache, ids: readonly number[], options: ReadOptions = {}): Promise<Float32Array> {
    checkReadOptions(options);
    using lock = this.#lock(cache, "read into", "is being read into");
    return await this.#read(lock, ids, options);
  }

  /** Reads into a cache that the caller has locked, by options that are checked. */
  #read(lock: KvCache, ids: readonly number[], options: ReadOptions): Promise<Float32Array> {
    this.#checkOpen();
    return this.#run(readTokens(this.#sessions, this.#observer, this.config, lock, ids, options));
  }

  #lock(cache: KvCache, action: string, purpose: string): KvCache {
    this.#checkOpen();
    checkCache(action, cache);
    checkOwner(`${action} this cache`, cache, this.#caches);
    return cache.lock(purpose);
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return;
    throw new TypeError(`Cannot use model ${this.origin.name} as it was disposed of: load it again`);
  }

  /** Waits for work that uses the decoder, which is not closed before. */
  async #run<Result>(work: Promise<Result>): Promise<Result> {
    this.#running++;
    try {
      return await work;
    } finally {
      if (--this.#running === 0) this.#idle?.();
    }
  }

  /**
   * Reads a question (without a cache: a whole prompt) and generates an answer. The cache is locked until the answer has
   * ended or is left. An answer that fills the model's context ends there, and `finishReason` is `context`.
   *
   * @throws {TypeError} if the cache is in use or was disposed of, or another model or other weights computed its rows
   * @throws {RangeError} if there is nothing to read, or it does not fit the model's context
   */
  generate(question: string, options: GenerateOptions = {}): Generation {
    checkGenerateOptions("generate", options);
    const { template, cache, specialTokens } = options;
    const ids = () => this.questionIds(question, { template, cache, specialTokens });
    return new Generation((finish) => this.#generate(ids(), options, finish));
  }

  /** Like {@linkcode Model.generate}, from token ids. */
  generateFrom(ids: readonly number[], options: GenerateOptions = {}): Generation {
    checkGenerateOptions("generateFrom", options);
    return new Generation((finish) => this.#generate(ids, options, finish));
  }

  /**
   * The ids that a question adds to a cache, the template's included: after an answer also the end of the assistant's
   * turn.
   */
  questionIds(
    question: string,
    options: Pick<GenerateOptions, "template" | "cache" | "specialTokens"> = {},
  ): number[] {
    checkOptions("questionIds", options, { template: true, cache: true, specialTokens: true });
    const { template = "chat", cache, specialTokens } = options;
    checkWord("template", template, TEMPLATES);
    checkText("ask", question);
    if (cache !== undefined) checkCache("answer from", cache);
    if (template === "none") {
      return cache === undefined || cache.tokenCount === 0
        ? encodeStart(this.tokenizer, question)
        : this.tokenizer.encode(question);
    }
    return turnIds(this.tokenizer, question, cache?.tokenIds() ?? [], specialTokens);
  }

  async *#generate(
    ids: readonly number[],
    options: GenerateOptions,
    finish: (reason: FinishReason) => void,
  ): AsyncGenerator<GeneratedToken, void, undefined> {
    const { maxNewTokens = 128, ignoreEos = false, bound, signal, onProgress, onNotice, onLogits, draft } = options;
    if (!Number.isSafeInteger(maxNewTokens) || maxNewTokens < 1) {
      throw new RangeError(`Cannot generate ${maxNewTokens} tokens as it must be a whole number of at least 1`);
    }
    if (ids.length === 0) throw new RangeError("Cannot generate after an empty text: give at least one character");
    const sample = createSampler(options);
    const recordings = recordingsFor(bound?.policy.signals ?? []);
    const whole = options.cache ?? this.createCache(recordings);
    using cache = this.#lock(whole, "answer from", "is being answered from");
    const attention = options.attention ?? (recordings.length > 0 ? "record" : "skip");
    const read = { attention, bound, signal, onNotice };
    const stream = createTextStream(this.tokenizer, { spaces: this.tokenizer.spaces });
    const generated: number[] = [];
    const plain = isFloat32(cache.cacheDtype) && options.temperature === undefined && attention === "skip";
    const decoder = new SpeculativeDecoder({
      ...{ cache, bound, config: this.config },
      readNext: (next, options) =>
        this.#read(cache, next, { ...read, ...options, ...(generated.length === 0 ? { onProgress } : {}) }),
      draft: plain ? draft : undefined,
    });
    try {
      let logits = await decoder.next(ids, generated, maxNewTokens - 1);
      while (true) {
        onLogits?.(logits);
        const id = sample(logits);
        generated.push(id);
        const ended = !ignoreEos && this.tokenizer.eosTokenIds.includes(id);
        const reason = ended
          ? "stop"
          : generated.length === maxNewTokens
          ? "length"
          : bound === undefined && decoder.full
          ? "context"
          : undefined;
        yield { id, text: (ended ? "" : stream.push(id)) + (reason === undefined ? "" : stream.flush()) };
        if (reason === "context") onNotice?.(contextFull(generated.length, maxNewTokens, this.config));
        if (reason !== undefined) return finish(reason);
        logits = await decoder.next([id], generated, maxNewTokens - generated.length - 1);
      }
    } finally {
      decoder.settle();
    }
  }

  /** Closes the decoder, once all that runs has ended; a second time does nothing. Then the model refuses further work. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** What a notebook's cell shows: the name, the layers, and what a token costs a cache. */
  [DISPLAY](): DisplayBundle {
    const { numHiddenLayers, numKeyValueHeads, numAttentionHeads, headDim, maxPositionEmbeddings, vocabSize } =
      this.config;
    return factsDisplay({
      name: `Model ${this.origin.name}`,
      facts: [
        ["context", `${grouped(maxPositionEmbeddings)} tokens`],
        ["rows a token", `${numHiddenLayers} layers of ${numKeyValueHeads} kv heads, ${numAttentionHeads} query heads`],
        ["bytes of 1,000 tokens", `${inMebibytes(textBytes(this.#caches.shape, 1000))} in f32`],
        ["head_dim", String(headDim)],
        ["vocabulary", grouped(vocabSize)],
        ["weights", `${this.origin.weights}, from ${this.origin.source}`],
      ],
    });
  }

  async #close(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resume) => this.#idle = resume);
    await this.#observer[Symbol.asyncDispose]();
    await this.#sessions[Symbol.asyncDispose]();
  }
}

const TEMPLATES: readonly Template[] = ["chat", "none"];

const PREFILL_OPTIONS: OptionNames<PrefillOptions> = {
  specialTokens: true,
  template: true,
  recordings: true,
  cacheDtype: true,
  bound: true,
  chunkLength: true,
  signal: true,
  onProgress: true,
  onNotice: true,
  onLayerInputs: true,
  onQueryKeys: true,
};

const GENERATE_OPTIONS: OptionNames<GenerateOptions> = {
  specialTokens: true,
  cache: true,
  maxNewTokens: true,
  template: true,
  ignoreEos: true,
  attention: true,
  bound: true,
  temperature: true,
  topP: true,
  seed: true,
  draft: true,
  signal: true,
  onProgress: true,
  onNotice: true,
  onLogits: true,
};

/** Checks options before anything runs: names, words, and those that without others would do nothing. */
function checkGenerateOptions(owner: string, options: GenerateOptions): void {
  checkOptions(owner, options, GENERATE_OPTIONS);
  const { template = "chat", attention = "skip", temperature, topP, seed } = options;
  checkWord("template", template, TEMPLATES);
  checkWord("attention", attention, ["record", "skip"]);
  const idle = topP !== undefined ? "topP" : seed !== undefined ? "seed" : undefined;
  if (temperature === undefined && idle !== undefined) {
    throw new TypeError(`Cannot set ${idle} on ${owner} as without a temperature nothing is drawn: give a temperature`);
  }
}

function contextFull(generated: number, maxNewTokens: number, { maxPositionEmbeddings }: ModelConfig): string {
  return `the answer ends after ${generated} of ${maxNewTokens} tokens as the model's context of ` +
    `${maxPositionEmbeddings} is full: shorten the text, or evict rows at positions "compact"`;
}

/** The ids that open the user's turn with a text, without its leading white space where the template trims. */
function openingIds(tokenizer: Tokenizer, text: string, tokens: UserTokens): number[] {
  const { open, whiteSpace } = splitChatTemplate(tokenizer);
  return userIds(tokenizer, [open, whiteSpace === "trimmed" ? text.trimStart() : text, ""], tokens);
}

function checkCache(action: string, cache: unknown): void {
  if (cache instanceof KvCache) return;
  throw new TypeError(`Cannot ${action} ${Array.isArray(cache) ? "a list" : `a ${typeof cache}`} as it is no cache`);
}
