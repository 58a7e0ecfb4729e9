import { topK } from "../numeric/top_k.ts";
import { recall } from "./recall.ts";

/** What a policy kept of one sequence, by the names that JSON and tables give it. */
export interface RetentionStats {
  /** Tokens that stayed. */
  readonly kept_tokens: number;
  /** Tokens that went. */
  readonly dropped_tokens: number;
  /** Kept of all tokens, in [0, 1]; 0 where there are none. */
  readonly kept_ratio: number;
  /** Cache bytes of what was kept. */
  readonly estimated_bytes: number;
  /** Cache bytes of what was dropped. */
  readonly estimated_saved_bytes: number;
  /** Share kept of the `topk` tokens with the most attention, of equals the earlier. */
  readonly heavy_hitter_recall: number;
  /** Share kept of the first `sinkTokens` tokens. */
  readonly sink_recall: number;
}

/** What {@linkcode retentionStats} measures by. */
export interface RetentionTargets {
  /** Attention received, `[tokens]`. */
  readonly attention: Float32Array | Float64Array;
  /** Size of the heavy-hitter target. */
  readonly topk: number;
  /** First tokens that count as sinks. */
  readonly sinkTokens: number;
  /** Cache bytes of one token over all layers and heads. */
  readonly bytesPerToken: number;
}

/**
 * Counts what was kept, what that takes and saves in bytes, and how much of it mattered: the original's numbers
 * (github.com/0xAshraFF/KVMirror).
 *
 * @param kept tokens that stayed, ascending and unique
 * @throws {RangeError} if `kept` is not ascending, `attention` holds NaN, or the bytes pass 2^53 − 1
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { retentionStats } from "./retention.ts";
 *
 * const attention = Float64Array.of(0.5, 0.1, 0.4, 0.2);
 * const stats = retentionStats(Uint32Array.of(0, 3), { attention, topk: 2, sinkTokens: 1, bytesPerToken: 10 });
 * assertEquals(stats.heavy_hitter_recall, 0.5);
 * assertEquals(stats.estimated_saved_bytes, 20);
 * ```
 */
export function retentionStats(
  kept: Uint32Array,
  { attention, topk, sinkTokens, bytesPerToken }: RetentionTargets,
): RetentionStats {
  const tokens = attention.length;
  if (!Number.isSafeInteger(tokens * bytesPerToken)) {
    throw new RangeError(
      `Cannot count ${tokens} tokens of ${bytesPerToken} bytes as the limit is 2^53 - 1 bytes: use a smaller cache shape`,
    );
  }
  const sinks = Uint32Array.from({ length: Math.min(sinkTokens, tokens) }, (_, token) => token);
  return {
    kept_tokens: kept.length,
    dropped_tokens: tokens - kept.length,
    kept_ratio: kept.length / Math.max(1, tokens),
    estimated_bytes: kept.length * bytesPerToken,
    estimated_saved_bytes: (tokens - kept.length) * bytesPerToken,
    heavy_hitter_recall: recall(topK(attention, topk), kept),
    sink_recall: recall(sinks, kept),
  };
}
