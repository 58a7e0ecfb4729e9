import type { Model } from "../engine/mod.ts";
import { tokenLosses } from "./token_losses.ts";

/** How a window is read. */
export interface SlidingWindowOptions {
  /** Ends the work between two positions. */
  readonly signal?: AbortSignal;
  /** Called with the positions done and their number. */
  readonly onProgress?: (done: number, total: number) => void;
}

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
  { signal, onProgress }: SlidingWindowOptions = {},
): Promise<number[]> {
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
