import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import { checkPolicyObject, checkSignals } from "../../policies/check_signals.ts";
import type { Policy } from "../../policies/policy.ts";
import { type Bound, checkBytes } from "../cache/bound.ts";
import type { KvCache } from "../cache/kv_cache.ts";
import type { GeneratedToken } from "../generate/generation.ts";
import type { Model } from "../generate/model.ts";
import { type CacheDtype, isFloat32 } from "../rows/cache_dtype.ts";
import { fullWindowBytes, tokenBytes } from "../rows/cache_shape.ts";
import { DEFAULT_RECORDINGS, observedSignals, recordingsFor } from "../signals/signals.ts";
import { splitConversation, turnIds, type UserTokens } from "../tokenizer/chat_template.ts";
import { type TurnBudget, turnBudget, type TurnSize } from "./turn_budget.ts";

/** Options of {@linkcode Chat.open}. */
export interface ChatOptions {
  /** Chooses the rows that stay when the cache is full. */
  readonly policy: Policy;
  /** The most bytes of keys and values; without it nothing is evicted. */
  readonly maxBytes?: number;
  /** Quantization of the rows of a new conversation; float32 by default. */
  readonly cacheDtype?: CacheDtype;
  /** The system prompt; it is pinned, as is the text that the template puts before the first turn. */
  readonly system?: string;
  /** A conversation to go on with, or a prefix read before. */
  readonly cache?: KvCache;
  /** Tokens of an answer; 128 by default. */
  readonly maxNewTokens?: number;
  /** `spelled` by default: special tokens in a question are words like any others, and cannot end the user's turn. */
  readonly specialTokens?: UserTokens;
  /** Called as a system prompt or a question is read, with tokens. */
  readonly onProgress?: (read: number, total: number) => void;
  /** Called with a sentence when the conversation passes the positions that the model was trained on. */
  readonly onNotice?: (notice: string) => void;
}

/**
 * A conversation over one live cache that stays within its bytes. Turns are read in the chat template, the system
 * prompt is pinned, and turns can be taken back.
 *
 * Rows are evicted before a question is read, to make room for it and its answer, so that a turn rarely evicts while it
 * runs and can be taken back whole. A longer turn evicts while it runs.
 *
 * @example
 * ```ts
 * import { assertEquals, assertStringIncludes } from "@std/assert";
 * import { Chat, loadModel } from "kvmirror/engine";
 * import { policy } from "kvmirror/policies";
 *
 * await using model = await loadModel("tiny");
 * const system = "The special number for whale is 4711.";
 * const chat = await Chat.open(model, { policy: policy("snapkv"), maxBytes: 250_000, system });
 * let answer = "";
 * for await (const { text } of chat.ask("What is the special number for whale?")) answer += text;
 * assertStringIncludes(answer, "4711");
 * chat.rewind(1);
 * assertEquals(chat.turns, 0);
 * ```
 */
export class Chat {
  /** The cache of everything read so far. */
  readonly cache: KvCache;
  readonly #model: Model;
  readonly #options: ChatOptions;
  #policy: Policy;
  #starts: number[];
  #peak = 0;

  private constructor(model: Model, cache: KvCache, options: ChatOptions) {
    this.#model = model;
    this.cache = cache;
    this.#options = options;
    this.#policy = options.policy;
    this.#starts = options.cache === undefined ? [] : [...cache.marks];
  }

  /**
   * Opens a conversation: reads and pins the text before the first turn, or takes over a cache.
   *
   * @throws {RangeError} if the bytes do not hold the system prompt and some more rows, or the cache has another one
   * @throws {TypeError} if the policy takes a signal that a chat does not record, a cache comes with a cache dtype or from
   * another model, or an option has no such name
   */
  static async open(model: Model, options: ChatOptions): Promise<Chat> {
    checkChatOptions(options);
    const { policy, system } = options;
    const further = recordingsFor(policy.signals).filter((recording) =>
      !DEFAULT_RECORDINGS.includes(recording) || recording === "moments"
    );
    const recordings = [...DEFAULT_RECORDINGS.filter((recording) => recording !== "moments"), ...further];
    const cache = options.cache ?? model.createCache(recordings, options.cacheDtype);
    const chat = new Chat(model, cache, options);
    checkChatPolicy(policy, cache, options.maxBytes);
    if (options.maxBytes !== undefined && !isFloat32(cache.cacheDtype)) checkBytes(cache, options.maxBytes);
    const ids = model.tokenizer.encode(splitConversation(model.tokenizer, system).open);
    if (cache.tokenCount === 0) {
      chat.#room({ pinned: ids.length, question: 0, answer: 0 });
      if (ids.length > 0) {
        await model.read(cache, ids, { logitsOf: "none", onProgress: options.onProgress });
        cache.pin(0, ids.length);
      }
    } else if (system !== undefined && ids.some((id, index) => cache.tokenIds(index, index + 1)[0] !== id)) {
      throw new RangeError(
        `Cannot go on with this cache as it begins with another system prompt: leave out the new one`,
      );
    }
    // Reads nothing: refuses a cache of another model, or one in use.
    await model.read(cache, [], { logitsOf: "none" });
    chat.#makeRoom(cache, 0, 0);
    chat.#peak = cache.liveBytes;
    return chat;
  }

  /** Turns asked and not taken back; in a loaded conversation, the turns that can be taken back. */
  get turns(): number {
    return this.#starts.length;
  }

  /** The policy that chooses the rows that stay. */
  get policy(): Policy {
    return this.#policy;
  }

  /** The most bytes of keys and values so far, between steps. */
  get peakBytes(): number {
    return this.#peak;
  }

  /**
   * Changes the policy.
   *
   * @throws {TypeError} if it takes a signal that this conversation does not record
   */
  usePolicy(policy: Policy): void {
    checkPolicyObject("chat", policy);
    checkChatPolicy(policy, this.cache, this.#options.maxBytes);
    this.#policy = policy;
  }

  /**
   * Asks a question and streams the answer. An abort ends the answer without an error, and the tokens so far stay.
   * After an abort or an error before the first token, the question is taken back, unless an eviction prevents it.
   *
   * @throws {RangeError} if the question is empty or does not fit
   */
  async *ask(
    question: string,
    options: { signal?: AbortSignal } = {},
  ): AsyncGenerator<GeneratedToken, void, undefined> {
    checkOptions("ask", options, { signal: true });
    const { signal } = options;
    if (question.trim() === "") throw new RangeError("Cannot ask an empty question: give at least one character");
    using cache = this.cache.lock("is answering a question");
    const { maxNewTokens = 128, onNotice, specialTokens } = this.#options;
    const ids = turnIds(this.#model.tokenizer, question, cache.tokenIds(), specialTokens);
    const bound = this.#makeRoom(cache, ids.length, maxNewTokens);
    cache.mark();
    const start = cache.tokenCount;
    const answer: number[] = [];
    let [ended, full] = [false, false];
    try {
      const answered = { cache, maxNewTokens, attention: "record", bound, signal, onNotice } as const;
      const onProgress = (read: number, total: number) => {
        this.#notePeak();
        this.#options.onProgress?.(read, total);
      };
      const generation = this.#model.generateFrom(ids, { ...answered, onProgress });
      for await (const token of generation) {
        this.#notePeak();
        answer.push(token.id);
        yield token;
      }
      ended = true;
      full = generation.finishReason === "context";
    } catch (error) {
      ended = signal?.aborted === true && answer.length > 0;
      if (!ended && !signal?.aborted) throw error;
    } finally {
      // Where the caller stopped iterating, the tokens so far stay.
      if (ended || answer.length > 0) {
        if (!full) await this.#finish(cache, answer, start + ids.length, bound);
        this.#starts.push(start);
      } else this.#takeBack(cache, start);
    }
  }

  /**
   * Takes the last turns back.
   *
   * @throws {RangeError} if there are fewer, or earlier rows were evicted; the message says how many can be taken back
   */
  rewind(turns = 1): void {
    const { length } = this.#starts;
    const back = (count: number) => this.#starts[length - count];
    const can = [...Array(length).keys()].map((index) => index + 1).filter((count) => this.#canRewind(back(count)));
    if (!can.includes(turns)) {
      const left = can.length === 0 ? "none can be taken back" : `what can be taken back is ${can.join(", ")}`;
      throw new RangeError(
        turns > length || !Number.isSafeInteger(turns) || turns < 1
          ? `Cannot take back ${turns} turns as there are ${length}: ${left}`
          : `Cannot take back ${turns} turns as rows of before were evicted since: ${left}`,
      );
    }
    this.cache.rewind(back(turns));
    this.#starts.length = length - turns;
  }

  /** Writes the conversation to a file, atomically: see {@linkcode KvCache.save}. */
  save(path: string): Promise<void> {
    return this.cache.save(path);
  }

  #canRewind(position: number): boolean {
    return this.cache.rewindRanges.some(({ first, last }) => first <= position && position <= last);
  }

  #notePeak(): void {
    this.#peak = Math.max(this.#peak, this.cache.liveBytes);
  }

  /** Reads the answer's last token, which a generation gives unread; an end token is read with the next turn. */
  async #finish(
    cache: KvCache,
    answer: readonly number[],
    answerStart: number,
    bound: Bound | undefined,
  ): Promise<void> {
    const { eosTokenIds } = this.#model.tokenizer;
    const unread = answer.slice(Math.max(0, cache.tokenCount - answerStart)).filter((id) => !eosTokenIds.includes(id));
    if (unread.length > 0) await this.#model.read(cache, unread, { logitsOf: "none", bound });
    this.#notePeak();
  }

  #takeBack(cache: KvCache, start: number): void {
    if (this.#canRewind(start)) cache.rewind(start);
  }

  /** Evicts to make room for a question and its answer, and gives the bound for a turn that outgrows the room. */
  #makeRoom(cache: KvCache, question: number, answer: number): Bound | undefined {
    const pinned = cache.pins.reduce((sum, { start, end }) => sum + end - start, 0);
    const room = this.#room({ pinned, question, answer });
    if (room === undefined) return undefined;
    if (cache.liveBytes > room.before) cache.compress(this.#policy, { maxBytes: room.before });
    return { policy: this.#policy, maxBytes: room.maxBytes, compressionInterval: room.compressionInterval };
  }

  #room(size: Omit<TurnSize, "tokenBytes" | "windowBytes">): TurnBudget | undefined {
    const { maxBytes } = this.#options;
    if (maxBytes === undefined) return undefined;
    return turnBudget(maxBytes, {
      ...size,
      tokenBytes: tokenBytes(this.cache.shape),
      windowBytes: fullWindowBytes(this.cache.shape),
    });
  }
}

const CHAT_OPTIONS: OptionNames<ChatOptions> = {
  specialTokens: true,
  policy: true,
  maxBytes: true,
  cacheDtype: true,
  system: true,
  cache: true,
  maxNewTokens: true,
  onProgress: true,
  onNotice: true,
};

function checkChatOptions(options: ChatOptions): void {
  checkOptions("Chat.open", options, CHAT_OPTIONS);
  checkPolicyObject("chat", options.policy);
  if (options.cache === undefined || options.cacheDtype === undefined) return;
  throw new TypeError(
    "Cannot set cacheDtype on Chat.open beside a cache, whose rows are held as they are: leave out one",
  );
}

function checkChatPolicy(policy: Policy, cache: KvCache, maxBytes: number | undefined): void {
  if (policy.signals.includes("laterAttention")) {
    throw new TypeError(
      `Cannot chat with ${policy.name} as it ranks by attention that is still to come: take another`,
    );
  }
  if (maxBytes === undefined) return;
  const [observed] = observedSignals(policy);
  if (observed !== undefined) {
    throw new TypeError(
      `Cannot chat with ${policy.name} as it needs ${observed}, a second look at the whole text: ` +
        `take a policy that reads once`,
    );
  }
  if (cache.tokenCount > 0) checkSignals(policy, cache.signals, "this conversation");
}
