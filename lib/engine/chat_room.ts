import type { KvCache } from "./kv_cache.ts";

/** How a conversation's cache stays within its bytes. */
export interface ChatRoom {
  /** Bytes to evict to before the turn; undefined where there is room. */
  readonly evictTo?: number;
  /** Bytes to evict to if the turn gets longer than foreseen. */
  readonly maxBytes: number;
  /** Tokens between two such evictions, which come on top of these bytes. */
  readonly every: number;
}

/** The share of the room that an answer is foreseen to take at most, and that a turn is. */
const [ANSWER_SHARE, TURN_SHARE] = [1 / 4, 1 / 2];
/** Tokens between two evictions within a turn, at most. */
const MOST_EVERY = 32;

/**
 * How to make room for a turn: for its question and its answer, but never for more than half of what is not pinned, so
 * that the turns before are not given up for one that may be short.
 *
 * @param question tokens to be read
 * @param answer tokens to be generated at most
 * @throws {RangeError} if the bytes do not hold the pinned rows and some more
 */
export function chatRoom(
  cache: KvCache,
  maxBytes: number | undefined,
  question: number,
  answer: number,
): ChatRoom | undefined {
  if (maxBytes === undefined) return undefined;
  const tokenBytes = cache.shape.layerCount * cache.shape.kvHeadCount * cache.bytesPerRow;
  const pinned = cache.pins.reduce((sum, { start, end }) => sum + end - start, 0);
  const opening = cache.tokenCount === 0 ? answer : pinned;
  const free = Math.floor(maxBytes / tokenBytes) - opening;
  if (!(free >= LEAST_FREE)) {
    throw new RangeError(
      `Cannot chat within ${maxBytes} bytes as the system prompt takes ${opening * tokenBytes}: ` +
        `give at least ${(opening + LEAST_FREE) * tokenBytes}`,
    );
  }
  const every = Math.max(1, Math.min(MOST_EVERY, Math.floor(free / 8)));
  const bound = { maxBytes: maxBytes - every * tokenBytes, every };
  const foreseen = question + Math.min(answer, Math.floor(free * ANSWER_SHARE));
  const wanted = Math.min(foreseen, Math.floor(free * TURN_SHARE)) * tokenBytes;
  if (cache.liveBytes + wanted <= bound.maxBytes) return bound;
  return { ...bound, evictTo: Math.max(opening * tokenBytes, bound.maxBytes - wanted) };
}

/** Tokens besides the pinned ones that a conversation cannot do without. */
const LEAST_FREE = 16;
