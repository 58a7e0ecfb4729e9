import { checkOneOf, checkOptions } from "../../numeric/nearest_name.ts";
import { checkPolicyObject, checkSignals } from "../../policies/check_signals.ts";
import type { Policy } from "../../policies/policy.ts";
import type { ModelConfig } from "../checkpoint/checkpoint.ts";
import { fullWindowBytes, textBytes } from "../rows/cache_shape.ts";
import { checkPositions, type PositionMode } from "../rows/rotary_positions.ts";
import { floatRowBytes, loneRowBytes, quantizedRowBytes } from "../rows/row_bytes.ts";
import { observedSignals, signalOf } from "../signals/signals.ts";
import { ROW_SIGNALS } from "./cached_signals.ts";
import type { KvCache } from "./kv_cache.ts";
import { checkRotatable } from "./state/quantize_rows.ts";

/** The rows that a head keeps on average, or the bytes of keys and values that all heads keep together. */
export type BoundSize = { readonly rows: number } | { readonly maxBytes: number };

/**
 * The limit of a cache while tokens are read and generated: its size plus the rows of `compressionInterval` tokens. A
 * cache that reaches the limit is compressed to its size by the policy. With an interval of 1 this is H2O and TOVA as
 * their papers define them; with any interval, StreamingLLM.
 *
 * @example A text of any length in the memory of fewer than 80 tokens
 * ```ts
 * import { assert } from "@std/assert";
 * import { type Bound, loadModel } from "kvmirror/engine";
 * import { policy } from "kvmirror/policies";
 *
 * const bound: Bound = { policy: policy("streaming_llm"), rows: 64, compressionInterval: 16, positions: "compact" };
 * await using model = await loadModel("tiny");
 * using cache = await model.prefill("The rain fell in torrents on the harbour. ".repeat(20), { bound });
 * await model.generate("Where did the rain fall?", { cache, bound, maxNewTokens: 8 });
 * assert(cache.tokenCount > 200 && cache.longestHead < 64 + 16);
 * ```
 */
export type Bound = BoundSize & {
  /** Chooses the rows that stay. */
  readonly policy: Policy;
  /** Tokens between two evictions. */
  readonly compressionInterval: number;
  /** Positions after an eviction; by default those of the cache. Past the trained length, take `compact`. */
  readonly positions?: PositionMode;
};

const BOUND = { policy: true, rows: true, maxBytes: true, compressionInterval: true, positions: true };

/** Tokens that a cache can still read before its bound evicts; 0 or less where it is at or over its limit. */
export function roomUnder(cache: KvCache, bound: Bound): number {
  const tokens = "rows" in bound
    ? bound.rows - cache.evictableRows / cache.evictableHeads
    : (bound.maxBytes - cache.liveBytes) / textBytes(cache.shape, 1);
  return Math.floor(tokens) + bound.compressionInterval;
}

/**
 * Compresses a cache at its limit to its bound's size; leaves any other unchanged.
 *
 * @throws {RangeError} if the policy keeps more than it is given
 */
export function applyBound(cache: KvCache, bound: Bound): void {
  if (roomUnder(cache, bound) > 0) return;
  const { policy, positions } = bound;
  // Rows are an average over heads: a policy may divide them among heads.
  if ("rows" in bound) cache.compress(policy, { totalRows: bound.rows * cache.evictableHeads, positions });
  else cache.compress(policy, { maxBytes: bound.maxBytes, positions });
}

/**
 * Checks, before anything is read, that a cache can stay within a bound.
 *
 * @param attention whether reading records attention for the policy
 * @throws {TypeError} if the bound has a name that it should not, or not one size, or the policy takes a signal that reading does not record
 * @throws {RangeError} if the interval, rows or bytes are too small, or do not fit the model's context
 */
export function checkBound(cache: KvCache, bound: Bound, config: ModelConfig, attention: "record" | "skip"): void {
  checkOptions("a bound", bound, BOUND);
  checkOneOf("a bound", bound, ["rows", "maxBytes"]);
  const { policy, compressionInterval } = bound;
  checkPolicyObject("bound a cache", policy);
  checkPositions(bound.positions);
  if (!Number.isSafeInteger(compressionInterval) || compressionInterval < 1) {
    throw new RangeError(`Cannot evict every ${compressionInterval} tokens as it must be a whole number of at least 1`);
  }
  checkSize(cache, bound);
  const [observed] = observedSignals(policy);
  if (observed !== undefined) {
    throw new TypeError(
      `Cannot bound a cache with ${policy.name} as it needs ${observed}, a second look at the whole text: ` +
        `take a policy that reads once`,
    );
  }
  const compact = (bound.positions ?? cache.positions) === "compact";
  if (compact && policy.signals.includes("queryMoments")) {
    throw new TypeError(
      `Cannot bound a cache with ${policy.name} and positions "compact" as it predicts queries at their positions in ` +
        `the text: take positions "logical", or another policy`,
    );
  }
  checkSignals(
    policy,
    attention === "skip" ? ROW_SIGNALS : [
      ...ROW_SIGNALS,
      ...cache.recordings.map(signalOf),
      ...(cache.queryMoments === "record" ? ["queryMoments"] as const : []),
      ...cache.chunkRecordings,
    ],
    attention === "skip" ? `reading with attention "skip"` : "this cache",
  );
  if (compact) checkRotatable(cache.cacheDtype, "compact");
  const most = mostRows(cache, bound) + compressionInterval;
  if (compact && most > config.maxPositionEmbeddings) {
    throw new RangeError(
      `Cannot bound a cache to ${
        most - compressionInterval
      } rows and ${compressionInterval} tokens more as the model's context is ` +
        `${config.maxPositionEmbeddings}: take a smaller size or interval`,
    );
  }
}

function checkSize(cache: KvCache, size: BoundSize): void {
  if ("rows" in size) {
    if (Number.isSafeInteger(size.rows) && size.rows >= 1) return;
    throw new RangeError(`Cannot bound a cache to ${size.rows} rows as it must be a whole number of at least 1`);
  }
  checkBytes(cache, size.maxBytes);
}

/**
 * Checks that bytes suffice for one row a head, whichever it is.
 *
 * @throws {RangeError} if they do not suffice
 */
export function checkBytes(cache: KvCache, maxBytes: number): void {
  const { cacheDtype, shape } = cache;
  const windows = fullWindowBytes(shape);
  const least = cache.evictableHeads * loneRowBytes(cacheDtype, shape.headDim) + windows;
  if (maxBytes >= least) return;
  const what = windows > 0 ? "the windows and one row a head take" : "one row a head takes";
  throw new RangeError(`Cannot bound a cache to ${maxBytes} bytes as ${what} up to ${least}: give more`);
}

/** The most rows of a head, on average over heads. */
function mostRows(cache: KvCache, size: BoundSize): number {
  if ("rows" in size) return size.rows;
  const { headDim } = cache.shape;
  const row = Math.min(floatRowBytes(headDim), quantizedRowBytes(cache.cacheDtype, headDim));
  return Math.floor(size.maxBytes / (row * cache.evictableHeads));
}
