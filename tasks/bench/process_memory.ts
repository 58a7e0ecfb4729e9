import { resourceUsage } from "node:process";

/** Memory of this process that is resident, in bytes, as the system counts it: pages of mapped weights among it. */
export interface ProcessMemory {
  readonly now: number;
  /** The most since the process began; on Linux no less than what the process that started it had then. */
  readonly peak: number;
}

/** Reads it. */
export function processMemory(): ProcessMemory {
  const now = Deno.memoryUsage().rss;
  return { now, peak: Math.max(now, 1024 * resourceUsage().maxRSS) };
}
