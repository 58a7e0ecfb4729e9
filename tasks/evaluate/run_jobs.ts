import { printNotice } from "../cli.ts";

/** What each process is started with: the permissions of `deno task evaluate`. */
const PERMISSIONS = [
  "-P=engine",
  "--allow-sys=cpus,hostname,osRelease,systemMemoryInfo,uid,homedir,networkInterfaces",
];

/**
 * Evaluates in several processes of one thread each: every one takes its share of the contexts and leaves its cells where
 * the others' are. A decoder's small steps gain little from a second thread, so this is faster than one process with as
 * many threads. The first one's progress is shown.
 */
export async function runJobs(jobs: number, args: readonly string[], signal: AbortSignal): Promise<void> {
  const task = new URL("../evaluate.ts", import.meta.url).href;
  const children = Array.from({ length: jobs }, (_, index) =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--no-prompt", ...PERMISSIONS, task, ...withoutJobs(args), "--shard", `${index}/${jobs}`],
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

function withoutJobs(args: readonly string[]): string[] {
  const kept = args.filter((arg) => !arg.startsWith("--jobs="));
  const place = kept.indexOf("--jobs");
  return place < 0 ? kept : kept.toSpliced(place, 2);
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGTERM");
  } catch {
    // It has ended by itself.
  }
}
