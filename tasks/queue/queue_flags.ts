import type { SampleStore } from "kvmirror/eval";
import { type Flags, withoutFlag } from "../cli/flags.ts";
import { UsageError } from "../cli/usage_error.ts";
import { parseQueueAddress, type QueueAddress } from "./queue_address.ts";

/** A queue as flags name it. */
export interface QueueFlags {
  readonly address: QueueAddress;
  /** Seconds for which jobs and samples stay in the queue. */
  readonly retention: number;
}

const DAY = 24 * 3600;

/** The queue that `--queue` names, with `--prefix` and `--retention`; undefined without it. */
export function queueFromFlags(flags: Flags): QueueFlags | undefined {
  const url = flags.text("queue");
  const given = (name: string) => flags.given(name);
  if (url === undefined) {
    const lone = ["prefix", "retention"].find(given);
    if (lone !== undefined) {
      throw new UsageError(`Cannot use --${lone} without --queue: give --queue redis://host:6379`);
    }
    return undefined;
  }
  const other = ["jobs", "shard"].find(given);
  if (other !== undefined) {
    throw new UsageError(
      `Cannot use --${other} with --queue as its workers share the contexts out: start more of them`,
    );
  }
  const days = flags.number("retention")!;
  if (days < 1 || days > 365) throw new UsageError(`Cannot use --retention ${days} as it must be in [1, 365] days`);
  return { address: parseQueueAddress(url, flags.text("prefix")!), retention: days * DAY };
}

/** Samples of a store, missing ones by the queue's workers where there is a queue. */
export async function samplesBy(queue: QueueFlags | undefined, samples: SampleStore): Promise<SampleStore> {
  if (queue === undefined) return samples;
  // The packages that talk to Redis are loaded here and nowhere else.
  const { queuedSamples } = await import("./coordinate.ts");
  return queuedSamples(queue, samples);
}

/** Where samples were computed changes none, and the address may hold a password. */
export function withoutQueue(args: readonly string[]): string[] {
  return ["queue", "prefix", "retention"].reduce<string[]>(withoutFlag, [...args]);
}
