import type { ModelConfig } from "./checkpoint.ts";
import type { KvCache } from "./kv_cache.ts";
import { chunkMoments } from "./query_moments.ts";
import type { DecoderSession, GraphSession } from "./session.ts";
import { queryWeights } from "./signals.ts";

/** Which of the tokens read to give logits for. */
export type LogitsOf = "last" | "all" | "none";

/** Options of {@linkcode readTokens}. */
export interface ReadOptions {
  /** Tokens a run takes at once; 256 by default. */
  readonly chunkLength?: number;
  /** Default: the last token's. */
  readonly logitsOf?: LogitsOf;
  /** Records the attention and the moments that the cache asks for; `skip` leaves what they hold as it is. */
  readonly attention?: "record" | "skip";
  /** Ends the reading between two chunks. */
  readonly signal?: AbortSignal;
  /** Called after each chunk with the tokens read so far and in all. */
  readonly onProgress?: (read: number, total: number) => void;
}

/** A pause for timers and signals once this many ms have gone by, as runs block the event loop. */
const BREATH_MS = 50;
let lastBreath = 0;

/**
 * Runs tokens through the decoder chunk by chunk and appends their rows to the cache.
 *
 * @returns logits, `[1, vocab]` of the last token, `[S, vocab]` of all, or empty
 * @throws {RangeError} if the tokens do not fit the model's context
 */
export async function readTokens(
  session: DecoderSession,
  moments: () => Promise<GraphSession>,
  config: ModelConfig,
  cache: KvCache,
  ids: readonly number[],
  { chunkLength = 256, logitsOf = "last", attention = "record", signal, onProgress }: ReadOptions = {},
): Promise<Float32Array> {
  checkContext(config, cache, ids.length);
  const { groupSize } = cache.shape;
  if (ids.length > 1) cache.reserve(ids.length);
  const taps = attention === "record" ? cache.taps : [];
  const recordMoments = attention === "record" && cache.queryMoments === "record";
  const all = new Float32Array(logitsOf === "all" ? ids.length * config.vocabSize : 0);
  let logits: Float32Array = all;
  for (let start = 0; start < ids.length; start += chunkLength) {
    await breathe();
    signal?.throwIfAborted();
    const chunk = ids.slice(start, start + chunkLength);
    const count = chunk.length;
    const outputs = await session.run({
      ids: chunk,
      rotaryPosition: cache.nextRotaryPosition,
      past: cache.past(),
      queryWeights: queryWeights(taps, { start, count, total: ids.length, groupSize }),
      logitsRows: logitsRows(logitsOf, count, start + count === ids.length),
      layerValues: recordMoments ? ["queryKeys"] : [],
    });
    const queries = recordMoments
      ? await chunkMoments(await moments(), config, outputs.queryKeys, cache.tokenCount)
      : undefined;
    cache.append(
      chunk,
      outputs.newKeys,
      outputs.newValues,
      outputs.attention,
      start === 0 ? "first" : "further",
      queries,
    );
    if (logitsOf === "all") all.set(outputs.logits, start * config.vocabSize);
    else logits = outputs.logits;
    onProgress?.(start + count, ids.length);
  }
  return logits;
}

function logitsRows(logitsOf: LogitsOf, count: number, last: boolean): number[] {
  if (logitsOf === "all") return [...Array(count).keys()];
  return logitsOf === "last" && last ? [count - 1] : [];
}

function checkContext(config: ModelConfig, cache: KvCache, count: number): void {
  const next = cache.nextRotaryPosition;
  const limit = config.maxPositionEmbeddings;
  if (next + count <= limit) return;
  const fix = cache.positions === "logical" && cache.longestHead + count <= limit
    ? `compress with positions "compact" to go on`
    : "shorten the text, or evict rows first";
  throw new RangeError(`Cannot read ${count} tokens at position ${next} as the model's context is ${limit}: ${fix}`);
}

async function breathe(): Promise<void> {
  if (performance.now() - lastBreath < BREATH_MS) return;
  await new Promise((resume) => setTimeout(resume, 0));
  lastBreath = performance.now();
}
