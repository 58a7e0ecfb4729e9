import { applyBound, type Bound, checkBound, roomUnder } from "../cache/bound.ts";
import type { KvCache } from "../cache/kv_cache.ts";
import type { ModelConfig } from "../checkpoint/checkpoint.ts";
import { chunkMoments } from "../observe/chunk_moments.ts";
import type { DecoderPool } from "../runtime/decoder_pool.ts";
import type { GraphSession } from "../runtime/graph_session.ts";
import { type ChunkSpan, queryWeights, recordingWindow } from "../signals/signals.ts";

/** Which of the tokens read to give logits for; a number means so many of the last. */
export type LogitsOf = "last" | "all" | "none" | number;

/** Tokens a run takes at once, where nothing else is said. */
export const CHUNK_LENGTH = 256;

/** Options of {@linkcode readTokens}. */
export interface ReadOptions {
  /** Tokens a run takes at once; 256 by default, fewer where the bound leaves less room. */
  readonly chunkLength?: number;
  /** Default: the last token's. */
  readonly logitsOf?: LogitsOf;
  /** Records the attention and the moments that the cache asks for; `skip` leaves what they hold as it is. */
  readonly attention?: "record" | "skip";
  /** Evicts between chunks, so that the cache stays as small as this says; a text may then be longer than the context. */
  readonly bound?: Bound;
  /** Ends the reading between two chunks. */
  readonly signal?: AbortSignal;
  /** Called after each chunk, before an eviction that it makes due, with the tokens read so far and in all. */
  readonly onProgress?: (read: number, total: number) => void;
  /** Called, once a sequence, when a bound goes past the model's context with logical positions: a sentence. */
  readonly onNotice?: (notice: string) => void;
}

/** Under a bound, where tokens come one by one, room is made for this many at a time. */
const GROWTH_ROWS = 64;

/** A pause for timers and signals once this many ms have gone by, as runs block the event loop. */
const BREATH_MS = 50;
let lastBreath = 0;

/**
 * Runs tokens through the decoder chunk by chunk and appends their rows to the cache.
 *
 * @returns logits, a row `[vocab]` for each token that they are wanted of
 * @throws {RangeError} if the tokens do not fit the model's context, or the bound cannot hold, or logits are wanted of
 * more tokens than there are
 * @throws {TypeError} if the bound's policy needs what is not recorded
 */
export async function readTokens(
  sessions: DecoderPool,
  moments: () => Promise<GraphSession>,
  config: ModelConfig,
  cache: KvCache,
  ids: readonly number[],
  { chunkLength = CHUNK_LENGTH, logitsOf = "last", attention = "record", bound, signal, onProgress, onNotice }:
    ReadOptions = {},
): Promise<Float32Array> {
  if (bound === undefined) checkContext(config, cache, ids.length);
  else checkBound(cache, bound, config, attention);
  const recordings = attention === "record" ? cache.recordings : [];
  const recordMoments = attention === "record" && cache.queryMoments === "record";
  const wanted = ids.length - logitsCount(logitsOf, ids.length);
  const size = (ids.length - wanted) * config.vocabSize;
  let logits: Float32Array | undefined;
  // A stretch is what is read up to an eviction, or to the end.
  let segment = { start: 0, total: 0 };
  for (let start = 0; start < ids.length;) {
    await yieldToEventLoop();
    signal?.throwIfAborted();
    if (bound !== undefined) applyBound(cache, bound);
    const left = ids.length - start;
    const due = bound === undefined ? Infinity : roomUnder(cache, bound);
    if (start === segment.start + segment.total) segment = { start, total: Math.min(left, due) };
    const count = Math.min(chunkLength, left, due);
    if (bound !== undefined) checkPositions(config, cache, count, onNotice);
    makeRoom(cache, left, count, due);
    const span: ChunkSpan = {
      start: start - segment.start,
      count,
      total: segment.total,
      ...(bound === undefined ? {} : { eviction: { due, compressionInterval: bound.compressionInterval } }),
    };
    const chunk = ids.slice(start, start + count);
    const outputs = await sessions.run(cache.cacheDtype, {
      ids: chunk,
      rotaryPosition: cache.nextRotaryPosition,
      rows: cache.room(count),
      queryWeights: queryWeights(recordings, span, cache.shape.groupSize),
      logitsRows: [...Array(count).keys()].filter((row) => start + row >= wanted),
      layerValues: recordMoments ? ["queryKeys"] : [],
    });
    const queries = recordMoments
      ? await chunkMoments(await moments(), config, outputs.queryKeys, cache.tokenCount)
      : undefined;
    cache.append(
      chunk,
      outputs.attention,
      recordings.map((recording) => recordingWindow(recording, span).start),
      queries,
    );
    // A run that gives all of them, as each does in decoding, is not copied.
    if (outputs.logits.length === size) logits = outputs.logits;
    else (logits ??= new Float32Array(size)).set(outputs.logits, Math.max(0, start - wanted) * config.vocabSize);
    start += count;
    onProgress?.(start, ids.length);
    if (bound !== undefined) applyBound(cache, bound);
  }
  return logits ?? new Float32Array(size);
}

function logitsCount(logitsOf: LogitsOf, count: number): number {
  if (typeof logitsOf !== "number") return { all: count, last: Math.min(1, count), none: 0 }[logitsOf];
  if (Number.isSafeInteger(logitsOf) && logitsOf >= 0 && logitsOf <= count) return logitsOf;
  throw new RangeError(`Cannot give logits of ${logitsOf} tokens as it must be a whole number from 0 to ${count}`);
}

/**
 * Makes room for what is left to read, where that is more than the next run's `count`, so that appending moves nothing;
 * never for more than the bound allows.
 */
function makeRoom(cache: KvCache, left: number, count: number, due: number): void {
  if (due === Infinity) {
    if (left > count) cache.reserve(left);
    return;
  }
  const longest = cache.longestHead;
  cache.reserve(Math.min(due, Math.ceil((longest + left) / GROWTH_ROWS) * GROWTH_ROWS - longest));
}

async function yieldToEventLoop(): Promise<void> {
  if (performance.now() - lastBreath < BREATH_MS) return;
  await new Promise((resume) => setTimeout(resume, 0));
  lastBreath = performance.now();
}

/**
 * Refuses tokens that do not fit the model's context.
 *
 * @throws {RangeError} that names the position, the context and the way out
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
 * Under a bound a text may be longer than the context: at compact positions that is sound, at logical ones a risk, which
 * is noted where the text crosses it.
 *
 * @throws {RangeError} if a head is longer than the context, which heads of their own lengths may come to
 */
export function checkPositions(
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
