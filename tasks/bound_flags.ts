import type { Bound } from "kvmirror/engine";
import { byteSize } from "./byte_size.ts";
import { type Flags, type FlagTypes, UsageError } from "./cli.ts";
import type { Eviction } from "./live_flags.ts";

/** The flags of {@linkcode boundFromFlags}. */
export const BOUND_FLAGS = { text: ["max-cache"], integer: ["every"] } as const satisfies FlagTypes;

/** The bound that `--max-cache` and `--every` (64 by default) set; none without them. */
export function boundFromFlags(flags: Flags, { policy, positions, compressionRatio }: Eviction): Bound | undefined {
  const size = flags.text("max-cache");
  const every = flags.number("every");
  if (size === undefined) {
    if (every === undefined) return undefined;
    throw new UsageError("Cannot evict --every so many tokens to no size: give --max-cache as well");
  }
  if (every !== undefined && every < 1) {
    throw new UsageError(`Cannot evict --every ${every} tokens as it must be a whole number of at least 1`);
  }
  if (compressionRatio > 0) {
    throw new UsageError(
      "Cannot follow --compression-ratio beside --max-cache as each sets how much stays: leave out one",
    );
  }
  if (flags.text("policy") === undefined || policy.name === "keep_all") {
    throw new UsageError("Cannot keep --max-cache without a policy that evicts: give --policy, streaming_llm for one");
  }
  return { policy, maxBytes: byteSize("max-cache", size), every: every ?? 64, positions };
}
