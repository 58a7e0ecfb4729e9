import type { ModelConfig } from "./checkpoint.ts";
import type { KvCache } from "./kv_cache.ts";

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
