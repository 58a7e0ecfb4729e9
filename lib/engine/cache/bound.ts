import { checkSignals } from "../../policies/check_signals.ts";
import type { Policy } from "../../policies/policy.ts";
import type { ModelConfig } from "../checkpoint/checkpoint.ts";
import { GROUP_ROWS, isFloat32 } from "../rows/cache_dtype.ts";
import { tokenBytes } from "../rows/cache_shape.ts";
import type { PositionMode } from "../rows/rotary_positions.ts";
import { floatRowBytes, quantizedRowBytes } from "../rows/row_bytes.ts";
import { observedSignals, signalOf } from "../signals/signals.ts";
import type { KvCache } from "./kv_cache.ts";
import { checkRotatable } from "./state/quantize_rows.ts";

/** How many rows a head keeps on average, or how many bytes of keys and values all heads keep. */
export type BoundSize = { readonly rows: number } | { readonly maxBytes: number };

/**
 * How far a sequence's cache may grow while it is read and generated: to its size and the rows of `every` further
 * tokens. When it holds these, the policy brings it back to its size. With an interval of 1 that is H2O and TOVA as
 * their papers have them, and StreamingLLM with any.
 *
 * @example A text of any length in the memory of some 600 tokens
 * ```ts ignore
 * import { type Bound, loadModel } from "kvmirror/engine";
 * import { policy } from "kvmirror/policies";
 *
 * const bound: Bound = { policy: policy("streaming_llm"), rows: 512, compressionInterval: 64, positions: "compact" };
 * await using model = await loadModel("auto");
 * const cache = await model.prefill(await Deno.readTextFile("book.txt"), { bound });
 * const { text } = await model.generate("Who tells the story?", { cache, bound });
 * ```
 */
export type Bound = BoundSize & {
  /** Chooses what stays. */
  readonly policy: Policy;
  /** Tokens between two evictions. */
  readonly compressionInterval: number;
  /** Where rows stand after an eviction; as they do by default. `compact` is needed past the trained length. */
  readonly positions?: PositionMode;
};

/** Tokens that a cache has room for until its bound evicts: 0 or less where it is over full already. */
export function roomUnder(cache: KvCache, bound: Bound): number {
  const tokens = "rows" in bound
    ? bound.rows - cache.totalRows / headCount(cache)
    : (bound.maxBytes - cache.liveBytes) / tokenBytes(cache.shape);
  return Math.floor(tokens) + bound.compressionInterval;
}

/**
 * Brings a cache that has no room left back to its bound's size; leaves any other as it is.
 *
 * @throws {RangeError} if the policy keeps more than it is given
 */
export function applyBound(cache: KvCache, bound: Bound): void {
  if (roomUnder(cache, bound) > 0) return;
  // Rows are an average over heads: what all of them may take, so that a policy may share it out.
  const maxBytes = "rows" in bound ? cache.rowBytes(bound.rows * headCount(cache)) : bound.maxBytes;
  cache.compress(bound.policy, { maxBytes, positions: bound.positions });
}

/**
 * Refuses a bound that cannot hold before anything is read.
 *
 * @param attention whether reading records what the policy looks at
 * @throws {TypeError} if the policy needs a signal that reading does not record
 * @throws {RangeError} if the interval, rows or bytes are too small, or do not fit the model's context
 */
export function checkBound(cache: KvCache, bound: Bound, config: ModelConfig, attention: "record" | "skip"): void {
  const { policy, compressionInterval } = bound;
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
      `Cannot bound a cache with ${policy.name} and positions "compact" as it foresees queries at their place in the ` +
        `text: take positions "logical", or another policy`,
    );
  }
  checkSignals(
    policy,
    attention === "skip" ? ["keys", "values", "novelty"] : [
      ...["keys", "values", "novelty"] as const,
      ...cache.recordings.map(signalOf),
      ...(cache.queryMoments === "record" ? ["queryMoments"] as const : []),
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
 * Refuses bytes that do not hold the rows that are float32 whatever the format.
 *
 * @throws {RangeError} if they do not
 */
export function checkBytes(cache: KvCache, maxBytes: number): void {
  const { cacheDtype } = cache;
  const newest = isFloat32(cacheDtype) ? 0 : cacheDtype.residualLength + GROUP_ROWS;
  const least = Math.max(1, newest) * tokenBytes(cache.shape);
  if (maxBytes >= least) return;
  const fix = newest === 0 ? "" : ", or a smaller window";
  const what = newest === 0
    ? "one row a head takes"
    : `the newest ${newest} rows, which stay float32 for a while, take`;
  throw new RangeError(`Cannot bound a cache to ${maxBytes} bytes as ${what} ${least}: give more${fix}`);
}

/** Rows that a head may come to on average. */
function mostRows(cache: KvCache, size: BoundSize): number {
  if ("rows" in size) return size.rows;
  const { headDim } = cache.shape;
  const row = Math.min(floatRowBytes(headDim), quantizedRowBytes(cache.cacheDtype, headDim));
  return Math.floor(size.maxBytes / (row * headCount(cache)));
}

function headCount({ shape: { layerCount, kvHeadCount } }: KvCache): number {
  return layerCount * kvHeadCount;
}
