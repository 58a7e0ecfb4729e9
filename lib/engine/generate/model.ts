import type { Bound } from "../cache/bound.ts";
import { KvCache } from "../cache/kv_cache.ts";
import type { Checkpoint, ModelConfig } from "../checkpoint/checkpoint.ts";
import type { WeightFormat } from "../graph/weights.ts";
import { ModelObserver } from "../observe/model_observer.ts";
import { type CacheDtype, isFloat32 } from "../rows/cache_dtype.ts";
import type { DecoderPool } from "../runtime/decoder_pool.ts";
import { prefillRecordings, type Recording, recordingsFor } from "../signals/signals.ts";
import { splitChatTemplate, turnIds } from "../tokenizer/chat_template.ts";
import { createTextStream } from "../tokenizer/text_stream.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { type GeneratedToken, Generation } from "./generation.ts";
import { loadCache, type LoadingModel } from "./load_cache.ts";
import { type ReadOptions, readTokens } from "./read_tokens.ts";
import { createSampler, type SamplingOptions } from "./sampling.ts";
import { type Draft, SpeculativeDecoder } from "./speculative_decoder.ts";

/** How a text is dressed: as the user's turn of a chat, or not at all. */
export type Template = "chat" | "none";

/** Where a model came from. */
export interface ModelOrigin {
  /** The name it goes by. */
  readonly name: string;
  /** What reports call it: the name, and whether it is the embedded model. */
  readonly label: string;
  /** A sentence: which file or service served the weights. */
  readonly source: string;
  /** How its weights are held. */
  readonly weights: WeightFormat;
}

/** Options of {@linkcode Model.prefill}. */
export interface PrefillOptions extends Omit<ReadOptions, "logitsOf" | "attention"> {
  /** `chat` by default: the text opens the user's turn. `none`: it is read as it is. */
  readonly template?: Template;
  /** Attention to record for policies; by default the sum, the last query and the last 64, and what the bound needs. */
  readonly recordings?: readonly Recording[];
  /** How rows are held, once the text is read or, under a bound, as they leave the window; float32 by default. */
  readonly cacheDtype?: CacheDtype;
}

/** Options of {@linkcode Model.generate}. */
export interface GenerateOptions extends SamplingOptions {
  /** What was read before; it grows by the question and the answer. Without it, the text is all there is. */
  readonly cache?: KvCache;
  /** 128 by default. */
  readonly maxNewTokens?: number;
  /** `chat` by default: the question closes the user's turn. `none`: it is read as it is. */
  readonly template?: Template;
  /** `stop` at the model's end token (default), or go on to `maxNewTokens`. */
  readonly ignoreEos?: boolean;
  /** Whether decoding records attention into the cache's taps; `skip` by default, which is faster, unless the bound needs it. */
  readonly attention?: "record" | "skip";
  /** Evicts while the question is read and the answer comes, so that the cache stays as small as this says. */
  readonly bound?: Bound;
  /** Ends the generation between two tokens. */
  readonly signal?: AbortSignal;
  /** Called while the question is read, with the tokens read so far and in all. */
  readonly onProgress?: (read: number, total: number) => void;
  /** Called when a bound goes past the model's context with logical positions: a sentence. */
  readonly onNotice?: (notice: string) => void;
  /**
   * What the answer probably says: read beside the question and checked in the same run, so that an answer that was
   * foreseen takes one run and not one a token. Whatever it says, the answer is the same: a run takes two tokens or more
   * then. Without a draft, tokens come one by one, which adds up in another order: with float32 weights the answer is
   * another only where logits are tied to some 1e-4, with weights in fewer bits, which round what they multiply, where
   * they are within some 0.5. It is asked where rows are float32, the likeliest token is taken, and nothing is recorded
   * or evicted meanwhile.
   */
  readonly draft?: Draft;
  /** Called before each token with the logits it is drawn from, `[vocab]`. */
  readonly onLogits?: (logits: Float32Array) => void;
}

/**
 * A language model ready to run: weights, tokenizer and decoder. It keeps no state of a text; that is in the caches.
 */
export class Model implements AsyncDisposable {
  /** Where it came from. */
  readonly origin: ModelOrigin;
  /** Its shape. */
  readonly config: ModelConfig;
  /** Text to ids and back. */
  readonly tokenizer: Tokenizer;
  /** sha256 of the checkpoint's content, hex. */
  readonly hash: string;
  readonly #sessions: DecoderPool;
  readonly #observer: ModelObserver;

  /** {@linkcode loadModel} is how users come by one. */
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
  }

  /** An empty cache for this model, which rounds rows to a format, if one is given, as they leave its window. */
  createCache(recordings: readonly Recording[] = [], cacheDtype?: CacheDtype): KvCache {
    const { shape, observer, owner } = this.#caches();
    const cache = new KvCache(shape, recordings, observer, owner);
    if (cacheDtype !== undefined) cache.quantize(cacheDtype);
    return cache;
  }

  /**
   * Reads a cache that {@linkcode KvCache.save} wrote: the same to the bit, signals, pins and marks among it.
   *
   * @throws {SyntaxError} if the file is no cache, of another version, damaged or cut short
   * @throws {TypeError} if it is of another model, or of the same with weights held otherwise
   * @throws {RangeError} if there is no such file
   */
  loadCache(path: string): Promise<KvCache> {
    return new Promise((resolve) => resolve(loadCache(path, this.#caches())));
  }

  #caches(): LoadingModel {
    const { numHiddenLayers, numKeyValueHeads, numAttentionHeads, headDim, ropeTheta } = this.config;
    return {
      owner: { name: this.origin.name, hash: this.hash, weights: this.origin.weights },
      observer: this.#observer.observe,
      shape: {
        layerCount: numHiddenLayers,
        kvHeadCount: numKeyValueHeads,
        groupSize: numAttentionHeads / numKeyValueHeads,
        headDim,
        ropeTheta,
      },
    };
  }

  /**
   * Reads a text into a new cache and records the attention that one-pass policies need.
   *
   * @throws {RangeError} if the text is empty or longer than the model's context
   */
  async prefill(
    text: string,
    { template = "chat", recordings, cacheDtype, ...read }: PrefillOptions = {},
  ): Promise<KvCache> {
    if (text === "") throw new RangeError("Cannot prefill an empty text: give at least one character");
    const early = read.bound === undefined ? undefined : cacheDtype;
    const cache = this.createCache(recordings ?? prefillRecordings(read.bound?.policy.signals ?? []), early);
    const opened = template === "chat" ? openTurn(this.tokenizer, text) : text;
    await this.read(cache, this.tokenizer.encode(opened), { ...read, logitsOf: "none" });
    if (cacheDtype !== undefined) cache.quantize(cacheDtype);
    return cache;
  }

  /**
   * Reads tokens into a cache: what `prefill` and `generate` are made of.
   *
   * @returns logits of the last token, `[vocab]`, unless the options ask for others
   */
  read(cache: KvCache, ids: readonly number[], options: ReadOptions = {}): Promise<Float32Array> {
    return readTokens(this.#sessions, () => this.#observer.moments.get(), this.config, cache, ids, options);
  }

  /**
   * Reads the question (or a whole prompt, without a cache) and generates an answer.
   *
   * @throws {RangeError} if there is nothing to read, or it does not fit the model's context
   */
  generate(question: string, options: GenerateOptions = {}): Generation {
    return new Generation(() => this.#generate(this.questionIds(question, options), options));
  }

  /** Like {@linkcode Model.generate}, from token ids. */
  generateFrom(ids: readonly number[], options: GenerateOptions = {}): Generation {
    return new Generation(() => this.#generate(ids, options));
  }

  /**
   * The ids that a question adds to a cache, its template's part included: after an answer, what ends it and opens the
   * user's next turn.
   */
  questionIds(
    question: string,
    { template = "chat", cache }: Pick<GenerateOptions, "template" | "cache"> = {},
  ): number[] {
    if (template === "none") return this.tokenizer.encode(question);
    return turnIds(this.tokenizer, question, cache?.tokenIds() ?? []);
  }

  async *#generate(ids: readonly number[], options: GenerateOptions): AsyncGenerator<GeneratedToken, void, undefined> {
    const { maxNewTokens = 128, ignoreEos = false, bound, signal, onProgress, onNotice, onLogits, draft } = options;
    if (!Number.isSafeInteger(maxNewTokens) || maxNewTokens < 1) {
      throw new RangeError(`Cannot generate ${maxNewTokens} tokens as it must be a whole number of at least 1`);
    }
    if (ids.length === 0) throw new RangeError("Cannot generate after an empty text: give at least one character");
    const sample = createSampler(options);
    const needed = recordingsFor(bound?.policy.signals ?? []);
    const cache = options.cache ?? this.createCache(needed);
    const read = { attention: options.attention ?? (needed.length > 0 ? "record" : "skip"), bound, signal, onNotice };
    const stream = createTextStream(this.tokenizer);
    const generated: number[] = [];
    const plain = isFloat32(cache.cacheDtype) && bound === undefined && options.temperature === undefined &&
      read.attention === "skip";
    const drafted = new SpeculativeDecoder(
      cache,
      (next, { logitsOf }) =>
        this.read(cache, next, { ...read, logitsOf, ...(generated.length === 0 ? { onProgress } : {}) }),
      plain ? draft : undefined,
      this.config,
    );
    try {
      let logits = await drafted.next(ids, generated, maxNewTokens - 1);
      while (true) {
        onLogits?.(logits);
        const id = sample(logits);
        generated.push(id);
        const ended = !ignoreEos && this.tokenizer.eosTokenIds.includes(id);
        const last = ended || generated.length === maxNewTokens;
        yield { id, text: (ended ? "" : stream.push(id)) + (last ? stream.flush() : "") };
        if (last) return;
        logits = await drafted.next([id], generated, maxNewTokens - generated.length - 1);
      }
    } finally {
      drafted.settle();
    }
  }

  /** Closes the decoder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#observer[Symbol.asyncDispose]();
    await this.#sessions[Symbol.asyncDispose]();
  }
}

/** A template that trims its messages has no white space where the turn opens. */
function openTurn(tokenizer: Tokenizer, text: string): string {
  const { open, whiteSpace } = splitChatTemplate(tokenizer);
  return open + (whiteSpace === "trimmed" ? text.trimStart() : text);
}
