/** The size of a conversation's turn, in tokens: a token is a row in every head. */
export interface TurnSize {
  /** Pinned tokens. */
  readonly pinned: number;
  /** Tokens of the question. */
  readonly question: number;
  /** The most tokens of the answer. */
  readonly answer: number;
  /** Bytes of a token's rows that stay until they are evicted. */
  readonly tokenBytes: number;
  /** Bytes of rows that come and go with their windows. */
  readonly windowBytes: number;
}

/** Sizes that keep a conversation's cache within its bytes. */
export interface TurnBudget {
  /** Bytes to evict to before the turn. */
  readonly before: number;
  /** Bytes to evict to within a turn that outgrows its room. */
  readonly maxBytes: number;
  /** Tokens between two such evictions, whose rows add to `maxBytes`. */
  readonly compressionInterval: number;
}

/** The fewest unpinned tokens of a conversation. */
const LEAST_FREE = 16;
/** The most tokens between two evictions within a turn. */
const LONGEST_INTERVAL = 32;

/**
 * Divides a conversation's bytes for its next turn. The room for an answer is at most a quarter of the unpinned bytes,
 * the room for a turn at most half of them: an answer may end early, and earlier turns should stay.
 *
 * @throws {RangeError} if the bytes do not hold the pinned tokens and {@linkcode LEAST_FREE} more
 */
export function turnBudget(
  maxBytes: number,
  { pinned, question, answer, tokenBytes, windowBytes }: TurnSize,
): TurnBudget {
  const free = Math.floor((maxBytes - windowBytes) / tokenBytes) - pinned;
  if (!(free >= LEAST_FREE)) {
    throw new RangeError(
      `Cannot chat within ${maxBytes} bytes as what comes before the first turn takes ${
        windowBytes + pinned * tokenBytes
      }: ` +
        `give at least ${windowBytes + (pinned + LEAST_FREE) * tokenBytes}`,
    );
  }
  const compressionInterval = Math.max(1, Math.min(LONGEST_INTERVAL, Math.floor(free / 8)));
  const turn = Math.min(question + Math.min(answer, Math.floor(free / 4)), Math.floor(free / 2));
  const size = maxBytes - compressionInterval * tokenBytes;
  return { before: size - turn * tokenBytes, maxBytes: size, compressionInterval };
}
