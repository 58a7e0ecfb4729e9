import {
  type Bound,
  type CacheDtype,
  type Draft,
  isFloat32,
  type KvCache,
  parseCacheDtype,
  type PositionMode,
  promptLookup,
  recordingsFor,
} from "kvmirror/engine";
import type { Policy } from "kvmirror/policies";
import { byteSize, type Flags, usage } from "./flags.ts";
import type { OwnPolicies } from "./policy_file.ts";
import { givenNumbers, policyFromFlags, positionsFromFlags, ratioFromFlags } from "./policy_flags.ts";
import { createProgress } from "./progress.ts";
import { UsageError } from "./usage_error.ts";

/** How rows are held, as `--cache-dtype` and `--residual-length` say; undefined where they stay float32. */
export function cacheDtypeFromFlags(flags: Flags): CacheDtype | undefined {
  const window = flags.number("residual-length");
  const cacheDtype = usage(() => parseCacheDtype(flags.text("cache-dtype")!, window));
  if (!isFloat32(cacheDtype)) return cacheDtype;
  if (!flags.given("residual-length")) return undefined;
  throw new UsageError(
    `Cannot keep the newest ${window} rows as they are where all are float32: give --cache-dtype int8 as well`,
  );
}

/** The tokens after which `--max-new-tokens` cuts an answer. */
export function maxNewTokensFromFlags(flags: Flags): number {
  const maxNewTokens = flags.number("max-new-tokens")!;
  if (maxNewTokens >= 1) return maxNewTokens;
  throw new UsageError(`Cannot generate ${maxNewTokens} tokens: --max-new-tokens is at least 1`);
}

/** An eviction as the command line asks for it. */
export interface Eviction {
  readonly policy: Policy;
  readonly compressionRatio: number;
  readonly positions: PositionMode;
  /** How rows that stay are held; undefined: float32. */
  readonly cacheDtype?: CacheDtype;
  readonly maxNewTokens: number;
  /**
   * Evicts, after a second look at the text where the policy needs one, and rounds what stays. Gives the ratio that came
   * out: the share removed of the rows that policies choose among.
   */
  apply(cache: KvCache, options: { signal: AbortSignal; onNotice: (notice: string) => void }): Promise<number>;
}

/** Reads the policy, the ratio or the policy's own numbers, and the position mode; checks them before a model is loaded. */
export function evictionFromFlags(flags: Flags, ownPolicies: OwnPolicies): Eviction {
  const policy = policyFromFlags(flags, ownPolicies);
  if (policy.signals.includes("laterAttention")) {
    throw new UsageError(
      `Cannot evict by ${policy.name} from a live cache as it ranks by attention that is still to come: it is for replay ` +
        "and evaluate",
    );
  }
  const compressionRatio = ratioFromFlags(flags);
  const positions = positionsFromFlags(flags);
  const cacheDtype = cacheDtypeFromFlags(flags);
  const maxNewTokens = maxNewTokensFromFlags(flags);
  checkSize(flags, policy, compressionRatio);
  checkEvicts(flags, policy, compressionRatio);
  return {
    policy,
    compressionRatio,
    positions,
    cacheDtype,
    maxNewTokens,
    apply: async (cache, { signal, onNotice }) => {
      const progress = createProgress("second look");
      await cache.observe(policy, { signal, onProgress: progress.update });
      progress.close();
      const rows = cache.evictableRows;
      cache.compress(policy, { compressionRatio, positions });
      const achieved = rows === 0 ? 0 : 1 - cache.evictableRows / rows;
      if (cacheDtype !== undefined) cache.quantize(cacheDtype, { onNotice });
      return achieved;
    },
  };
}

/** Refuses a ratio beside what sets how much stays as well. */
function checkSize(flags: Flags, policy: Policy, compressionRatio: number): void {
  if (policy.size !== "own" || compressionRatio === 0) return;
  const { windowSize, topk } = givenNumbers(flags);
  throw new UsageError(
    windowSize !== undefined || topk !== undefined
      ? "Cannot follow --compression-ratio beside --window-size or --topk as these set how much stays: leave out one"
      : `Cannot follow --compression-ratio with ${policy.name} as it sets itself how much stays: leave it out`,
  );
}

/** Refuses a call that asks for an eviction and says not how much, or not by what: nothing would happen. */
function checkEvicts(flags: Flags, policy: Policy, compressionRatio: number): void {
  const keepsAll = policy.name === "keep_all";
  if (keepsAll && compressionRatio > 0) {
    throw new UsageError(
      `Cannot compress to ratio ${compressionRatio} by keep_all as it evicts nothing: give --policy, streaming_llm for one`,
    );
  }
  const hasSize = policy.size === "own" || flags.given("compression-ratio") || flags.text("max-cache") !== undefined;
  if (!keepsAll && !hasSize) {
    throw new UsageError(
      `Cannot run policy ${policy.name} without a budget, as nothing would be evicted: give --compression-ratio 0.5`,
    );
  }
  if (keepsAll && flags.given("positions")) {
    throw new UsageError(
      "Cannot place rows by --positions where none is evicted: give --policy and --compression-ratio",
    );
  }
}

/** The bound that `--max-cache` and `--compression-interval` set; none without them. */
export function boundFromFlags(flags: Flags, { policy, positions, compressionRatio }: Eviction): Bound | undefined {
  const size = flags.text("max-cache");
  const compressionInterval = flags.number("compression-interval")!;
  if (size === undefined) {
    if (!flags.given("compression-interval")) return undefined;
    throw new UsageError("Cannot evict --compression-interval so many tokens to no size: give --max-cache as well");
  }
  if (compressionInterval < 1) {
    throw new UsageError(
      `Cannot evict --compression-interval ${compressionInterval} tokens as it must be a whole number of at least 1`,
    );
  }
  if (compressionRatio > 0) {
    throw new UsageError(
      "Cannot follow --compression-ratio beside --max-cache as each sets how much stays: leave out one",
    );
  }
  if (policy.name === "keep_all") {
    throw new UsageError("Cannot keep --max-cache without a policy that evicts: give --policy, streaming_llm for one");
  }
  return { policy, maxBytes: byteSize("max-cache", size), compressionInterval, positions };
}

/** The drafts that `--draft lookup` asks for; none without it. What the model would not ask is refused. */
export function draftFromFlags(flags: Flags, { cacheDtype }: Eviction, bound: Bound | undefined): Draft | undefined {
  const draft = flags.text("draft");
  if (draft === undefined) return undefined;
  if (draft !== "lookup") throw new UsageError(`Cannot draft by "${draft}" as the ways are: lookup`);
  const recorded = bound !== undefined && recordingsFor(bound.policy.signals).length > 0;
  const beside = recorded ? `--policy ${bound.policy.name}` : cacheDtype !== undefined ? "--cache-dtype" : undefined;
  if (beside === undefined) return promptLookup();
  throw new UsageError(
    `Cannot draft beside ${beside} as what is read of a draft may have to be taken back: leave out one of them`,
  );
}
