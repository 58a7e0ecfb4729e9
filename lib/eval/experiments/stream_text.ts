import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import { type Bound, type Model, recordingsFor } from "../../engine/mod.ts";
import { linearTrend } from "../../metrics/linear_trend.ts";
import { tokenLosses } from "../../numeric/log_probabilities.ts";
import { mean } from "../../numeric/mean.ts";
import { residentBytes } from "./resident_bytes.ts";

/** How a stream is read. */
export interface StreamTextOptions {
  /** What keeps the cache small. */
  readonly bound: Bound;
  /** Tokens read at once; 32 by default. */
  readonly chunkLength?: number;
  /** Tokens of one row of the result; 1,000 by default. */
  readonly rowTokens?: number;
  /** Ends the stream between two chunks. */
  readonly signal?: AbortSignal;
  /** Called after each chunk with the tokens read so far and in all. */
  readonly onProgress?: (read: number, total: number) => void;
  /** Called when the stream goes past the model's context with logical positions. */
  readonly onNotice?: (notice: string) => void;
}

const STREAM_TEXT_OPTIONS: OptionNames<StreamTextOptions> = {
  bound: true,
  chunkLength: true,
  rowTokens: true,
  signal: true,
  onProgress: true,
  onNotice: true,
};

/** A segment of a stream, by the names that JSON gives it. */
export interface StreamRow {
  /** Tokens read since the stream began. */
  readonly tokens: number;
  /** Mean negative log-probability of the segment's tokens, in nats. */
  readonly loss: number;
  /** The most that keys and values took, in bytes. */
  readonly peak_live_bytes: number;
  /** The most that their buffers held, in bytes. */
  readonly peak_allocated_bytes: number;
  /** Resident memory of the process at the segment's end, after garbage is collected, in bytes. */
  readonly resident_bytes: number;
  /** Time of reading and evicting, a token. */
  readonly ms_per_token: number;
}

/** What a stream gives. */
export interface StreamedText {
  /** Segment by segment. */
  readonly rows: readonly StreamRow[];
  /** Negative log-probability of each token in nats, `[tokens]`; NaN of the first, which nothing comes before. */
  readonly losses: Float32Array;
}

/**
 * Reads a text of any length through a bounded cache and judges every token by the kept rows of those before it:
 * StreamingLLM's experiment (Xiao et al. 2023, https://arxiv.org/abs/2309.17453).
 *
 * @param ids the text's tokens
 * @throws {RangeError} if there are fewer than two tokens, or the bound cannot hold
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { loadModel } from "kvmirror/engine";
 * import { mobyDick, streamText } from "kvmirror/eval";
 * import { policy } from "kvmirror/policies";
 *
 * await using model = await loadModel("tiny");
 * const ids = model.tokenizer.encode(mobyDick().join("\n")).slice(0, 2000);
 * const bound = { policy: policy("streaming_llm"), rows: 256, compressionInterval: 32, positions: "compact" } as const;
 * const { rows } = await streamText(model, ids, { bound });
 * assertEquals(rows.length, 2);
 * ```
 */
export async function streamText(
  model: Pick<Model, "read" | "createCache">,
  ids: readonly number[],
  options: StreamTextOptions,
): Promise<StreamedText> {
  checkOptions("streamText", options, STREAM_TEXT_OPTIONS);
  const { bound, chunkLength = 32, rowTokens = 1000, signal, onProgress, onNotice } = options;
  if (ids.length < 2) throw new RangeError(`Cannot stream ${ids.length} tokens as judging one takes another before it`);
  const losses = new Float32Array(ids.length).fill(NaN);
  const rows: StreamRow[] = [];
  using cache = model.createCache(recordingsFor(bound.policy.signals));
  let segment = { start: 0, live: 0, allocated: 0, ms: 0 };
  for (let start = 0; start < ids.length; start += chunkLength) {
    const chunk = ids.slice(start, start + chunkLength);
    const began = performance.now();
    const logits = await model.read(cache, chunk, {
      bound,
      chunkLength,
      logitsOf: "all",
      signal,
      onNotice,
      onProgress: () => {
        segment.live = Math.max(segment.live, cache.liveBytes);
        segment.allocated = Math.max(segment.allocated, cache.allocatedBytes);
      },
    });
    segment.ms += performance.now() - began;
    const next = ids.slice(start + 1, start + chunk.length + 1);
    losses.set(tokenLosses(logits.subarray(0, next.length * logits.length / chunk.length), next), start + 1);
    const read = start + chunk.length;
    if (read - segment.start >= rowTokens || read === ids.length) {
      const judged = losses.subarray(Math.max(1, segment.start), read);
      rows.push({
        tokens: read,
        loss: mean(judged),
        peak_live_bytes: segment.live,
        peak_allocated_bytes: segment.allocated,
        resident_bytes: await settledBytes(),
        ms_per_token: segment.ms / (read - segment.start),
      });
      segment = { start: read, live: 0, allocated: 0, ms: 0 };
    }
    onProgress?.(read, ids.length);
  }
  return { rows, losses };
}

/** Native buffers are let go of in a turn of the event loop after their owners were collected. */
async function settledBytes(): Promise<number> {
  residentBytes();
  await new Promise((resume) => setTimeout(resume, 0));
  return residentBytes();
}

/** How a stream's memory and time go with the tokens read, by the names that JSON gives it. */
export interface StreamTrend {
  /** Rise of the process's resident memory, in bytes a token. */
  readonly resident_bytes_per_token: number;
  /** Its standard error. */
  readonly standard_error: number;
  /** Time of a token in the first tenth of the segments, in ms. */
  readonly ms_per_token_first_tenth: number;
  /** The same in the last tenth. */
  readonly ms_per_token_last_tenth: number;
}

/**
 * Does a stream get larger or slower as it goes on? A line through resident memory, and the first tenth beside the last.
 *
 * @param rows segments once the cache is full
 * @throws {RangeError} if there are fewer than three
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { streamTrend } from "kvmirror/eval";
 *
 * const segment = { loss: 3, peak_live_bytes: 64, peak_allocated_bytes: 64, resident_bytes: 900 };
 * const rows = [100, 200, 300].map((tokens) => ({ ...segment, tokens, ms_per_token: tokens / 100 }));
 * assertEquals(streamTrend(rows), {
 *   resident_bytes_per_token: 0, standard_error: 0, ms_per_token_first_tenth: 1, ms_per_token_last_tenth: 3 });
 * ```
 */
export function streamTrend(rows: readonly StreamRow[]): StreamTrend {
  const { slope, standardError } = linearTrend(
    rows.map(({ tokens }) => tokens),
    rows.map(({ resident_bytes }) => resident_bytes),
  );
  const tenth = Math.ceil(rows.length / 10);
  const time = (own: readonly StreamRow[]) => mean(own.map((row) => row.ms_per_token));
  return {
    resident_bytes_per_token: slope,
    standard_error: standardError,
    ms_per_token_first_tenth: time(rows.slice(0, tenth)),
    ms_per_token_last_tenth: time(rows.slice(-tenth)),
  };
}

/** How a window is read. */
export interface SlidingWindowOptions {
  /** Ends the work between two positions. */
  readonly signal?: AbortSignal;
  /** Called with the positions done and their number. */
  readonly onProgress?: (done: number, total: number) => void;
}

const SLIDING_WINDOW_OPTIONS: OptionNames<SlidingWindowOptions> = { signal: true, onProgress: true };

/**
 * What a stream is measured against: for each position the `window` tokens before it are read afresh, in a cache of their
 * own, and judge the token there. Exact, and dear: a window a token (StreamingLLM's "sliding window with re-computation",
 * Xiao et al. 2023, https://arxiv.org/abs/2309.17453).
 *
 * @param ids the text's tokens
 * @param positions tokens to judge, each at least 1
 * @param window tokens to read before each
 * @returns negative log-probabilities in nats, `[positions]`
 * @throws {RangeError} if a position has nothing before it or is past the text, or the window holds no token
 */
export async function slidingWindowLosses(
  model: Pick<Model, "read" | "createCache">,
  ids: readonly number[],
  positions: readonly number[],
  window: number,
  options: SlidingWindowOptions = {},
): Promise<number[]> {
  checkOptions("slidingWindowLosses", options, SLIDING_WINDOW_OPTIONS);
  const { signal, onProgress } = options;
  if (!Number.isSafeInteger(window) || window < 1) {
    throw new RangeError(`Cannot read windows of ${window} tokens as it must be a whole number of at least 1`);
  }
  const wrong = positions.find((position) => !(position >= 1 && position < ids.length));
  if (wrong !== undefined) {
    throw new RangeError(`Cannot judge the token at ${wrong} as it must be in [1, ${ids.length})`);
  }
  const losses: number[] = [];
  for (const position of positions) {
    using cache = model.createCache();
    const logits = await model.read(cache, ids.slice(Math.max(0, position - window), position), { signal });
    losses.push(tokenLosses(logits, [ids[position]])[0]);
    onProgress?.(losses.length, positions.length);
  }
  return losses;
}
