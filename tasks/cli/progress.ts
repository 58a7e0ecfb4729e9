import type { DownloadProgress } from "kvmirror/engine";
import { writeText } from "./print.ts";

/** A line on stderr that counts up. */
export interface Progress {
  /**
   * Shows how much is done of how much, and the time that is left if the rest takes as long.
   *
   * @param before how much of it was done when the work began
   * @param by who works on it, in words
   */
  update(done: number, total: number | undefined, before?: number, by?: string): void;
  /** Ends the line, if one was begun. What is counted next is other work. */
  close(): void;
}

/** Nothing is shown before this many ms, nor more often. */
const QUIET_MS = 1000;

/**
 * Shows `label done/total (share) time left` on stderr once the work takes more than a moment; one line, rewritten on a
 * terminal. The work begins with the call; what counts from the beginning again is begun with its first count.
 */
export function createProgress(label: string): Progress {
  const terminal = Deno.stderr.isTerminal();
  let last = performance.now();
  let begun: { readonly at: number; readonly done: number } | undefined = { at: last, done: 0 };
  let latest = 0;
  let shown = false;
  let width = 0;
  return {
    update: (done, total, before = 0, by = "") => {
      const now = performance.now();
      if (begun === undefined) last = now;
      if (begun === undefined || done < latest) begun = { at: now, done };
      latest = done;
      if (now - last < (terminal ? QUIET_MS / 4 : shown ? 5 * QUIET_MS : QUIET_MS)) return;
      last = now;
      shown = true;
      const share = total === undefined ? `${done}` : `${done}/${total} (${Math.floor((100 * done) / total)}%)`;
      const left = total === undefined
        ? ""
        : timeLeft(now - begun.at, done - Math.max(before, begun.done), total - done);
      const line = [label, share, by, left].filter((part) => part !== "").join(" ");
      // Blanks clear what a longer line left, on terminals without escapes too.
      writeText(Deno.stderr, terminal ? `\r${line.padEnd(width)}` : `${line}\n`);
      width = line.length;
    },
    close: () => {
      if (shown && terminal) writeText(Deno.stderr, "\n");
      shown = false;
      width = 0;
      begun = undefined;
      latest = 0;
    },
  };
}

/** Shows how much of a file is fetched; of one that was begun before, the rest alone tells how long it takes. */
export function createFetchProgress(label = "fetching"): {
  readonly onProgress: (progress: DownloadProgress) => void;
  readonly close: () => void;
} {
  const progress = createProgress(label);
  const begun = new Map<string, number>();
  return {
    onProgress: ({ file, received, total }) => {
      if (!begun.has(file)) begun.set(file, received);
      progress.update(received, total, begun.get(file));
    },
    close: progress.close,
  };
}

/**
 * The time that is left, in words, if what is to come takes as long as what was done.
 *
 * @param elapsed ms that `done` took
 */
function timeLeft(elapsed: number, done: number, left: number): string {
  if (done <= 0 || left <= 0) return "";
  const seconds = Math.ceil((elapsed / done) * left / 1000);
  if (seconds < 90) return `${seconds} s left`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min left` : `${(minutes / 60).toFixed(1)} h left`;
}
