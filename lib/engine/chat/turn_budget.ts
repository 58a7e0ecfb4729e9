/** What a turn of a conversation finds and wants, in tokens, where a token is a row in every head. */
export interface TurnSize {
  /** Rows that never go. */
  readonly pinned: number;
  /** Tokens to be read. */
  readonly question: number;
  /** Tokens to be generated at most. */
  readonly answer: number;
  /** Bytes of a token. */
  readonly tokenBytes: number;
}

/** How a conversation's cache stays within its bytes. */
export interface TurnBudget {
  /** Bytes to evict to before the turn. */
  readonly before: number;
  /** Bytes to evict to within the turn, should it get longer than foreseen. */
  readonly maxBytes: number;
  /** Tokens between two such evictions: they come on top of these bytes. */
  readonly compressionInterval: number;
}

/** Tokens besides the pinned ones that a conversation cannot do without. */
const LEAST_FREE = 16;
/** Tokens between two evictions within a turn, at most. */
const LONGEST_INTERVAL = 32;

/**
 * How to make room for a turn: for its question and its answer, but for no answer longer than a quarter of what is not
 * pinned, and for no turn longer than half of it: earlier turns are not given up for one that may be short.
 *
 * @throws {RangeError} if the bytes do not hold the pinned rows and some more
 */
export function turnBudget(maxBytes: number, { pinned, question, answer, tokenBytes }: TurnSize): TurnBudget {
  const free = Math.floor(maxBytes / tokenBytes) - pinned;
  if (!(free >= LEAST_FREE)) {
    throw new RangeError(
      `Cannot chat within ${maxBytes} bytes as what comes before the first turn takes ${pinned * tokenBytes}: ` +
        `give at least ${(pinned + LEAST_FREE) * tokenBytes}`,
    );
  }
  const compressionInterval = Math.max(1, Math.min(LONGEST_INTERVAL, Math.floor(free / 8)));
  const turn = Math.min(question + Math.min(answer, Math.floor(free / 4)), Math.floor(free / 2));
  const size = maxBytes - compressionInterval * tokenBytes;
  return { before: size - turn * tokenBytes, maxBytes: size, compressionInterval };
}
