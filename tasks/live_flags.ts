import type { KvCache, PositionMode, RowFormat } from "kvmirror/engine";
import type { Policy } from "kvmirror/policies";
import { type Flags, type FlagTypes, UsageError } from "./cli.ts";
import { givenNumbers, POLICY_NUMBERS, policyFromFlags, positionsFromFlags, ratioFromFlags } from "./policy_flags.ts";
import { createProgress } from "./progress.ts";
import { MODEL_FLAGS } from "./model_flags.ts";
import { ROW_FLAGS, rowsFromFlags } from "./row_flags.ts";

/** The flags that `generate` and `compress` share. */
export const LIVE_FLAGS = {
  text: [...MODEL_FLAGS, "prompt-file", "question-file", "policy", "positions", ...ROW_FLAGS.text],
  integer: ["max-new-tokens", ...POLICY_NUMBERS, ...ROW_FLAGS.integer],
  number: ["compression-ratio"],
  toggle: ["json"],
} as const satisfies FlagTypes;

/** An eviction as the command line asks for it. */
export interface Eviction {
  readonly policy: Policy;
  readonly compressionRatio: number;
  readonly positions: PositionMode;
  /** How rows that stay are held; undefined: float32. */
  readonly rows?: RowFormat;
  readonly maxNewTokens: number;
  /** Evicts, after a second look at the text where the policy needs one, and rounds what stays. */
  apply(cache: KvCache, signal: AbortSignal): Promise<void>;
}

/** Reads the policy, the ratio or the policy's own numbers, and the position mode; checks them before a model is loaded. */
export function evictionFromFlags(flags: Flags, defaultTokens: number): Eviction {
  const policy = policyFromFlags(flags, "keep_all");
  if (policy.needs.includes("laterAttention")) {
    throw new UsageError(
      `Cannot evict by ${policy.name} from a live cache as it ranks by attention that is still to come: it is for replay ` +
        "and evaluate",
    );
  }
  const compressionRatio = ratioFromFlags(flags);
  const positions = positionsFromFlags(flags);
  const rows = rowsFromFlags(flags);
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
    rows,
    maxNewTokens,
    apply: async (cache, signal) => {
      const progress = createProgress("second look");
      await cache.observe(policy, { signal, onProgress: progress.update });
      progress.close();
      cache.compress(policy, { compressionRatio, positions });
      if (rows !== undefined) cache.quantise(rows);
    },
  };
}
