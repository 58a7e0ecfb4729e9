import type { DatasetRow } from "kvmirror/eval";
import { type Flags, withoutFlag } from "../cli/flags.ts";
import { printNotice } from "../cli/print.ts";
import { UsageError } from "../cli/usage_error.ts";

/** What each process is started with: the permissions of `deno task evaluate`, that to start such ones aside. */
export const EVALUATE_PERMISSIONS: readonly string[] = [
  "-P=engine",
  "--allow-write",
  "--allow-sys=cpus,hostname,osRelease,systemMemoryInfo,uid,homedir,networkInterfaces",
];

/**
 * Evaluates in several processes of one thread each: every process takes its share of the contexts and keeps its samples in
 * the folder of all. A decoder's small steps gain little from a second thread, so this is faster than one process with as
 * many threads. The first one's progress is shown.
 */
export async function runJobs(jobs: number, args: readonly string[], signal: AbortSignal): Promise<void> {
  const task = new URL("../evaluate.ts", import.meta.url).href;
  const children = Array.from({ length: jobs }, (_, index) =>
    new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-q",
        "--no-prompt",
        ...EVALUATE_PERMISSIONS,
        task,
        ...withoutFlag(args, "jobs"),
        "--shard",
        `${index}/${jobs}`,
      ],
      stdin: "null",
      stdout: "null",
      stderr: index === 0 ? "inherit" : "null",
    }).spawn());
  const stop = () => children.forEach((child) => kill(child));
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const ends = await Promise.all(children.map((child) => child.status));
  signal.removeEventListener("abort", stop);
  signal.throwIfAborted();
  ends.forEach(({ code }, index) => {
    if (code !== 0) printNotice(`process ${index + 1} of ${jobs} ended with exit ${code}: what it left is done here`);
  });
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGTERM");
  } catch {
    // It has ended by itself.
  }
}

/** One part of the contexts: `--shard 0/2` is every second one, from the first on. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** The shard that `--shard` names; undefined for all contexts. */
export function shardFromFlags(flags: Flags): Shard | undefined {
  const text = flags.text("shard");
  if (text === undefined) return undefined;
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (count !== undefined && Number(index) < Number(count)) return { index: Number(index), count: Number(count) };
  throw new UsageError(`Cannot evaluate --shard ${text} as it must be a part and their number: write it like 0/2`);
}

/** Rows of a shard's contexts; rows of one context stay together, as they share its prefill. */
export function shardRows(rows: readonly DatasetRow[], { index, count }: Shard): DatasetRow[] {
  const places = new Map([...new Set(rows.map(({ context }) => context))].map((context, place) => [context, place]));
  return rows.filter(({ context }) => places.get(context)! % count === index);
}
