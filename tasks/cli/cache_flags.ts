import {
  type Bound,
  type CacheDtype,
  type Draft,
  isFloat32,
  type KvCache,
  parseCacheDtype,
  type PositionMode,
  promptLookup,
} from "kvmirror/engine";
import type { Policy } from "kvmirror/policies";
import { byteSize, type Flags, type FlagTypes, usage } from "./flags.ts";
import { MODEL_FLAGS, TEMPLATE_FLAGS } from "./model_flags.ts";
import { givenNumbers, POLICY_NUMBERS, policyFromFlags, positionsFromFlags, ratioFromFlags } from "./policy_flags.ts";
import { createProgress } from "./progress.ts";
import { UsageError } from "./run_task.ts";

/** The flags of {@linkcode cacheDtypeFromFlags}. */
export const CACHE_DTYPE_FLAGS = { text: ["cache-dtype"], integer: ["residual-length"] } as const satisfies FlagTypes;

/** How rows are held, as `--cache-dtype` and `--residual-length` say; undefined where they stay float32. */
export function cacheDtypeFromFlags(flags: Flags): CacheDtype | undefined {
  const name = flags.text("cache-dtype");
  const window = flags.number("residual-length");
  const cacheDtype = name === undefined ? undefined : usage(() => parseCacheDtype(name, window));
  if (cacheDtype !== undefined && !isFloat32(cacheDtype)) return cacheDtype;
  if (window === undefined) return undefined;
  throw new UsageError(
    `Cannot keep the newest ${window} rows as they are where all are float32: give --cache-dtype int8 as well`,
  );
}

/** The flags that `generate` and `compress` share. */
export const LIVE_FLAGS = {
  text: [...MODEL_FLAGS, "prompt-file", "question-file", "policy", "positions", ...CACHE_DTYPE_FLAGS.text],
  integer: ["max-new-tokens", ...POLICY_NUMBERS, ...CACHE_DTYPE_FLAGS.integer],
  number: ["compression-ratio"],
  toggle: ["json"],
  repeated: TEMPLATE_FLAGS,
} as const satisfies FlagTypes;

/** An eviction as the command line asks for it. */
export interface Eviction {
  readonly policy: Policy;
  readonly compressionRatio: number;
  readonly positions: PositionMode;
  /** How rows that stay are held; undefined: float32. */
  readonly cacheDtype?: CacheDtype;
  readonly maxNewTokens: number;
  /** Evicts, after a second look at the text where the policy needs one, and rounds what stays. */
  apply(cache: KvCache, signal: AbortSignal): Promise<void>;
}

/** Reads the policy, the ratio or the policy's own numbers, and the position mode; checks them before a model is loaded. */
export function evictionFromFlags(flags: Flags, defaultTokens: number): Eviction {
  const policy = policyFromFlags(flags, "keep_all");
  if (policy.signals.includes("laterAttention")) {
    throw new UsageError(
      `Cannot evict by ${policy.name} from a live cache as it ranks by attention that is still to come: it is for replay ` +
        "and evaluate",
    );
  }
  const compressionRatio = ratioFromFlags(flags);
  const positions = positionsFromFlags(flags);
  const cacheDtype = cacheDtypeFromFlags(flags);
  const maxNewTokens = flags.number("max-new-tokens") ?? defaultTokens;
  if (maxNewTokens < 1) throw new UsageError(`Cannot generate ${maxNewTokens} tokens: --max-new-tokens is at least 1`);
  const { windowSize, topk } = givenNumbers(flags);
  const own = windowSize !== undefined || topk !== undefined;
  if (own && compressionRatio > 0) {
    throw new UsageError(
      "Cannot follow --compression-ratio beside --window-size or --topk as these set how much stays: leave out one",
    );
  }
  return {
    policy,
    compressionRatio,
    positions,
    cacheDtype,
    maxNewTokens,
    apply: async (cache, signal) => {
      const progress = createProgress("second look");
      await cache.observe(policy, { signal, onProgress: progress.update });
      progress.close();
      cache.compress(policy, { compressionRatio, positions });
      if (cacheDtype !== undefined) cache.quantize(cacheDtype);
    },
  };
}

/** The flags of {@linkcode boundFromFlags}. */
export const BOUND_FLAGS = { text: ["max-cache"], integer: ["compression-interval"] } as const satisfies FlagTypes;

/** The bound that `--max-cache` and `--compression-interval` (64 by default) set; none without them. */
export function boundFromFlags(flags: Flags, { policy, positions, compressionRatio }: Eviction): Bound | undefined {
  const size = flags.text("max-cache");
  const compressionInterval = flags.number("compression-interval");
  if (size === undefined) {
    if (compressionInterval === undefined) return undefined;
    throw new UsageError("Cannot evict --compression-interval so many tokens to no size: give --max-cache as well");
  }
  if (compressionInterval !== undefined && compressionInterval < 1) {
    throw new UsageError(
      `Cannot evict --compression-interval ${compressionInterval} tokens as it must be a whole number of at least 1`,
    );
  }
  if (compressionRatio > 0) {
    throw new UsageError(
      "Cannot follow --compression-ratio beside --max-cache as each sets how much stays: leave out one",
    );
  }
  if (flags.text("policy") === undefined || policy.name === "keep_all") {
    throw new UsageError("Cannot keep --max-cache without a policy that evicts: give --policy, streaming_llm for one");
  }
  return { policy, maxBytes: byteSize("max-cache", size), compressionInterval: compressionInterval ?? 64, positions };
}

/** The flags of {@linkcode draftFromFlags}. */
export const DRAFT_FLAGS = { text: ["draft"] } as const satisfies FlagTypes;

/** The drafts that `--draft lookup` asks for; none without it. What the model would not ask is refused. */
export function draftFromFlags(flags: Flags, { cacheDtype }: Eviction, bound: Bound | undefined): Draft | undefined {
  const draft = flags.text("draft");
  if (draft === undefined) return undefined;
  if (draft !== "lookup") throw new UsageError(`Cannot draft by "${draft}" as the ways are: lookup`);
  const beside = bound !== undefined ? "--max-cache" : cacheDtype !== undefined ? "--cache-dtype" : undefined;
  if (beside === undefined) return promptLookup();
  throw new UsageError(
    `Cannot draft beside ${beside} as what is read of a draft may have to be taken back: leave out one of them`,
  );
}
