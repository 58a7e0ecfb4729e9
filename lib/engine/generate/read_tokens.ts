import { checkOptions, checkWord, type OptionNames } from "../../numeric/nearest_name.ts";
import { allFinite } from "../../numeric/vectors.ts";
import { applyBound, type Bound, checkBound, roomUnder } from "../cache/bound.ts";
import type { KvCache } from "../cache/kv_cache.ts";
import type { ModelConfig } from "../checkpoint/checkpoint.ts";
import type { ModelObserver } from "../observe/model_observer.ts";
import type { LayerValue } from "../runtime/decoder_session.ts";
import type { DecoderPool } from "../runtime/decoder_pool.ts";
import { type ChunkSpan, queryWeights, recordingWindow } from "../signals/signals.ts";

/** The tokens whose logits a reading gives; a number n means the last n. */
export type LogitsOf = "last" | "all" | "none" | number;

/** Tokens of a run, by default. */
export const CHUNK_LENGTH = 256;

/** Options of {@linkcode readTokens}. */
export interface ReadOptions {
  /** Tokens of a run; 256 by default, fewer where the bound leaves less room. */
  readonly chunkLength?: number;
  /** `last` by default. */
  readonly logitsOf?: LogitsOf;
  /** `record` by default: adds to the cache's recordings. `skip`: leaves them unchanged. */
  readonly attention?: "record" | "skip";
  /** Evicts between chunks, so that the cache stays within the bound; the text may then exceed the context. */
  readonly bound?: Bound;
  /**
   * `now` by default. `later`: nothing is evicted once tokens are read, as the newest may be taken back; the bound is
   * kept when the cache is read into again.
   */
  readonly evict?: "now" | "later";
  /** Ends the reading between two chunks. */
  readonly signal?: AbortSignal;
  /** Called after each chunk, before its eviction, with the tokens read so far and in all. */
  readonly onProgress?: (read: number, total: number) => void;
  /** Called once, with a sentence, when a bounded text passes the model's context at logical positions. */
  readonly onNotice?: (notice: string) => void;
  /**
   * Called after each chunk with what went into its layers, after their norms: by layer `[S, hidden]`, which is KVzap's
   * hidden state. The arrays are the callee's.
   */
  readonly onLayerInputs?: (layerInputs: readonly Float32Array[]) => void;
  /**
   * Called after each chunk with its queries and keys before rotation: by layer `[S, (heads + kv heads) · head_dim]`. The
   * arrays are the callee's.
   */
  readonly onQueryKeys?: (queryKeys: readonly Float32Array[]) => void;
}

const READ_OPTIONS: OptionNames<ReadOptions> = {
  chunkLength: true,
  logitsOf: true,
  attention: true,
  bound: true,
  evict: true,
  signal: true,
  onProgress: true,
  onNotice: true,
  onLayerInputs: true,
  onQueryKeys: true,
};

/**
 * Checks options of a reading before anything is read.
 *
 * @throws {TypeError} if one is unknown
 * @throws {RangeError} if a chunk or a word is none
 */
export function checkReadOptions(options: ReadOptions): void {
  checkOptions("read", options, READ_OPTIONS);
  const { chunkLength = CHUNK_LENGTH, logitsOf = "last", attention = "record", evict = "now" } = options;
  if (!Number.isSafeInteger(chunkLength) || chunkLength < 1) {
    throw new RangeError(`Cannot read ${chunkLength} tokens a run as it must be a whole number of at least 1`);
  }
  if (typeof logitsOf !== "number") checkWord("logitsOf", logitsOf, ["last", "all", "none"]);
  checkWord("attention", attention, ["record", "skip"]);
  checkWord("evict", evict, ["now", "later"]);
}

/** Rows allocated at a time where tokens come one by one under a bound. */
const GROWTH_ROWS = 64;

/** Milliseconds of runs, which block the event loop, after which timers and signals get a turn. */
const BLOCKING_MS = 50;
let lastYield = 0;

/**
 * Runs tokens through the decoder chunk by chunk and appends their rows to the cache.
 *
 * @returns logits, one row `[vocab]` for each token of `logitsOf`
 * @throws {RangeError} if an id is none of the vocabulary's, the tokens do not fit the model's context, the bound cannot
 * hold, `logitsOf` exceeds the tokens, or logits are no numbers
 * @throws {TypeError} if the bound's policy takes a signal that is not recorded
 */
export async function readTokens(
  sessions: DecoderPool,
  observer: Pick<ModelObserver, "moments" | "predict" | "nonCausalAttention">,
  config: ModelConfig,
  cache: KvCache,
  ids: readonly number[],
  {
    chunkLength = CHUNK_LENGTH,
    logitsOf = "last",
    attention = "record",
    bound,
    evict = "now",
    signal,
    onProgress,
    onNotice,
    onLayerInputs,
    onQueryKeys,
  }: ReadOptions = {},
): Promise<Float32Array> {
  checkIds(ids, config.vocabSize);
  if (bound === undefined) {
    checkContext(config, cache, ids.length);
    if (passesLength(cache, ids.length)) {
      const { pins } = cache;
      const earlier = lengthen(cache, ids.length);
      const again = { chunkLength, attention, signal, logitsOf: "none" } as const;
      if (earlier.length > 0) await readTokens(sessions, observer, config, cache, earlier, again);
      for (const { start, end } of pins) cache.pin(start, end);
    }
  } else checkBound(cache, bound, config, attention);
  const recordings = attention === "record" ? cache.recordings : [];
  const recordMoments = attention === "record" && cache.queryMoments === "record";
  // Of a row that has no number of its chunk's, a policy could not tell how much it counts: these are always recorded.
  const [predicts, unmasked] = (["predictedReconstruction", "nonCausalAttention"] as const)
    .map((recording) => cache.chunkRecordings.includes(recording));
  const layerValues: LayerValue[] = [
    ...(recordMoments || unmasked || onQueryKeys !== undefined ? ["queryKeys"] as const : []),
    ...(predicts || onLayerInputs !== undefined ? ["layerInputs"] as const : []),
  ];
  const firstLogits = ids.length - logitsCount(logitsOf, ids.length);
  const size = (ids.length - firstLogits) * config.vocabSize;
  let logits: Float32Array | undefined;
  // A segment ends at an eviction, or with the text.
  let segment = { start: 0, total: 0 };
  for (let start = 0; start < ids.length;) {
    await yieldToEventLoop();
    signal?.throwIfAborted();
    if (bound !== undefined && (evict === "now" || start === 0)) applyBound(cache, bound);
    const left = ids.length - start;
    const due = bound === undefined || evict === "later" ? Infinity : roomUnder(cache, bound);
    if (start === segment.start + segment.total) segment = { start, total: Math.min(left, due) };
    const count = Math.min(chunkLength, left, due);
    if (bound !== undefined) {
      checkPositions(config, cache, count, onNotice);
      if (passesLength(cache, count)) throw tooLong(cache, count);
    }
    makeRoom(cache, left, count, due);
    const span: ChunkSpan = {
      start: start - segment.start,
      count,
      total: segment.total,
      ...(bound === undefined || due === Infinity
        ? {}
        : { eviction: { due, compressionInterval: bound.compressionInterval } }),
    };
    const chunk = ids.slice(start, start + count);
    const position = cache.nextRotaryPosition;
    const outputs = await sessions.run(cache.cacheDtype, {
      ids: chunk,
      rotary: cache.rotary,
      rotaryPosition: position,
      rows: cache.room(count),
      queryWeights: queryWeights(recordings, span, cache.shape.groupSize),
      logitsRows: [...Array(count).keys()].filter((row) => start + row >= firstLogits),
      layerValues,
    });
    checkLogits(outputs.logits, cache.tokenCount + count);
    const ofChunk = {
      ...(predicts ? { predictedReconstruction: observer.predict(outputs.layerInputs) } : {}),
      ...(unmasked
        ? { nonCausalAttention: await observer.nonCausalAttention(outputs.queryKeys, cache.rotary, position) }
        : {}),
    };
    const queries = recordMoments ? await observer.moments(outputs.queryKeys, cache.tokenCount) : undefined;
    cache.append(
      chunk,
      outputs.attention,
      recordings.map((recording) => recordingWindow(recording, span).start),
      queries,
      ofChunk,
    );
    onLayerInputs?.(outputs.layerInputs);
    onQueryKeys?.(outputs.queryKeys);
    // Logits of one run alone, as in decoding, are not copied.
    if (outputs.logits.length === size) logits = outputs.logits;
    else (logits ??= new Float32Array(size)).set(outputs.logits, Math.max(0, start - firstLogits) * config.vocabSize);
    start += count;
    onProgress?.(start, ids.length);
    if (bound !== undefined && evict === "now") applyBound(cache, bound);
  }
  return logits ?? new Float32Array(size);
}

function checkIds(ids: readonly number[], vocabSize: number): void {
  for (let index = 0; index < ids.length; index++) {
    const id = ids[index];
    if (Number.isSafeInteger(id) && id >= 0 && id < vocabSize) continue;
    const text = typeof id === "number" ? id : JSON.stringify(id);
    throw new RangeError(
      `Cannot read token id ${text}, the tokens' number ${index}, as it must be a whole number from 0 to ` +
        `${vocabSize - 1}, the model's last`,
    );
  }
}

/** Checks that logits are numbers: one NaN or Infinity in the weights spreads to most of them. */
function checkLogits(logits: Float32Array, tokenCount: number): void {
  if (allFinite(logits)) return;
  const wrong = logits.find((logit) => !Number.isFinite(logit));
  throw new RangeError(
    `Cannot go on after ${tokenCount} tokens as a logit is ${wrong}: the weights hold NaN or Infinity, or numbers too ` +
      `large to add; take another file or weight format`,
  );
}

/** Whether further tokens pass the length that the cache's rotary embedding holds for. */
function passesLength({ shape: { rotaryBeyond }, nextRotaryPosition, rotation }: KvCache, count: number): boolean {
  return rotaryBeyond !== undefined && rotation === "within" && nextRotaryPosition + count > rotaryBeyond.length;
}

/**
 * Makes a cache one of a longer text: empty, as all that was read depends on the rotary embedding.
 *
 * @returns the tokens to read again before the further ones
 * @throws {RangeError} if the model has no embedding for longer texts, or rows were evicted
 */
function lengthen(cache: KvCache, count: number): number[] {
  const { shape: { rotaryBeyond }, rewindRanges } = cache;
  const evicted = rewindRanges.length > 1 || rewindRanges[0].first > 0;
  if (rotaryBeyond?.rotary === undefined || evicted) throw tooLong(cache, count);
  const ids = cache.tokenIds();
  cache.rewind(0);
  cache.lengthen();
  return ids;
}

function tooLong({ shape: { rotaryBeyond }, nextRotaryPosition }: KvCache, count: number): RangeError {
  const why = rotaryBeyond?.rotary === undefined ? "" : " for a text that was read as a shorter one and evicted from";
  const fix = rotaryBeyond?.rotary === undefined ? "shorten the text" : "read the longer text at once, without a bound";
  return new RangeError(
    `Cannot read ${count} tokens at position ${nextRotaryPosition} as the model's rotary embedding holds to ` +
      `${rotaryBeyond?.length} positions${why}: ${fix}, or evict with positions "compact"`,
  );
}

function logitsCount(logitsOf: LogitsOf, count: number): number {
  if (typeof logitsOf !== "number") return { all: count, last: Math.min(1, count), none: 0 }[logitsOf];
  if (Number.isSafeInteger(logitsOf) && logitsOf >= 0 && logitsOf <= count) return logitsOf;
  throw new RangeError(`Cannot give logits of ${logitsOf} tokens as it must be a whole number from 0 to ${count}`);
}

/**
 * Allocates rows for the tokens left to read, but no more than the bound allows, so that appending moves no row.
 */
function makeRoom(cache: KvCache, left: number, count: number, due: number): void {
  if (due === Infinity) {
    if (left > count) cache.reserve(left, count);
    return;
  }
  const longest = cache.longestHead;
  cache.reserve(Math.min(due, Math.ceil((longest + left) / GROWTH_ROWS) * GROWTH_ROWS - longest));
}

async function yieldToEventLoop(): Promise<void> {
  if (performance.now() - lastYield < BLOCKING_MS) return;
  await new Promise((resume) => setTimeout(resume, 0));
  lastYield = performance.now();
}

/**
 * Checks that further tokens fit the model's context.
 *
 * @throws {RangeError} if they do not; the message names the position, the context and the fix
 */
export function checkContext(config: ModelConfig, cache: KvCache, count: number): void {
  const next = cache.nextRotaryPosition;
  const limit = config.maxPositionEmbeddings;
  if (next + count <= limit) return;
  const fix = cache.positions === "logical" && cache.longestHead + count <= limit
    ? `compress with positions "compact" to go on`
    : "shorten the text, or evict rows first";
  throw new RangeError(`Cannot read ${count} tokens at position ${next} as the model's context is ${limit}: ${fix}`);
}

/**
 * Checks positions under a bound, where a text may exceed the context. Compact positions stay within it; logical
 * positions pass it, which `onNotice` says once.
 *
 * @throws {RangeError} if the longest head exceeds the context at compact positions
 */
function checkPositions(
  config: ModelConfig,
  cache: KvCache,
  count: number,
  onNotice?: (notice: string) => void,
): void {
  const next = cache.nextRotaryPosition;
  const limit = config.maxPositionEmbeddings;
  if (next + count <= limit) return;
  if (cache.positions === "compact") {
    throw new RangeError(
      `Cannot read ${count} tokens after ${next} rows of the longest head as the model's context is ${limit}: ` +
        `take a smaller bound`,
    );
  }
  if (next > limit) return;
  onNotice?.(
    `the text goes past the ${limit} positions that the model was trained on, with logical positions: ` +
      `answers get worse; positions "compact" go on`,
  );
}
