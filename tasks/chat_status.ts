import type { Chat } from "kvmirror/engine";

/** One line: how many bytes the cache holds, of how many. */
export function chatStatus({ cache, policy, peakBytes }: Chat, maxBytes: number | undefined): string {
  const most = maxBytes === undefined ? "" : ` of ${maxBytes}`;
  const evicted = cache.liveBytes < cache.fullBytes ? `, ${cache.fullBytes} without ${policy.name}` : "";
  return `${cache.liveBytes}${most} bytes live (at most ${peakBytes})${evicted}, ${cache.tokenCount} tokens`;
}
