import { type Chat, isFloatRows, rowFormatName } from "kvmirror/engine";

/** One line: how many bytes the cache holds, of how many. */
export function chatStatus({ cache, policy, peakBytes }: Chat, maxBytes: number | undefined): string {
  const most = maxBytes === undefined ? "" : ` of ${maxBytes}`;
  const without = isFloatRows(cache.rowFormat) ? policy.name : `${policy.name} and ${rowFormatName(cache.rowFormat)}`;
  const evicted = cache.liveBytes < cache.fullBytes ? `, ${cache.fullBytes} without ${without}` : "";
  return `${cache.liveBytes}${most} bytes live (at most ${peakBytes})${evicted}, ${cache.tokenCount} tokens`;
}
