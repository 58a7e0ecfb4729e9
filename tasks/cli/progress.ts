import { writeText } from "./print.ts";

/** A line on stderr that counts up. */
export interface Progress {
  update(done: number, total: number | undefined, note?: string): void;
  /** Ends the line, if one was begun. */
  close(): void;
}

/** Nothing is shown before this many ms, nor more often. */
const QUIET_MS = 1000;

/** Shows `label done/total` on stderr once the work takes more than a moment; one line, rewritten on a terminal. */
export function createProgress(label: string): Progress {
  const terminal = Deno.stderr.isTerminal();
  let last = performance.now();
  let shown = false;
  return {
    update: (done, total, note = "") => {
      const now = performance.now();
      if (now - last < (terminal ? QUIET_MS / 4 : shown ? 5 * QUIET_MS : QUIET_MS)) return;
      last = now;
      shown = true;
      const share = total === undefined ? `${done}` : `${done}/${total} (${Math.floor((100 * done) / total)}%)`;
      const line = [label, share, note].filter((part) => part !== "").join(" ");
      writeText(Deno.stderr, terminal ? `\r${line}\x1b[K` : `${line}\n`);
    },
    close: () => {
      if (shown && terminal) writeText(Deno.stderr, "\n");
      shown = false;
    },
  };
}

/**
 * The time that is left, in words, if what is to come takes as long as what was done.
 *
 * @param elapsed ms that `done` took
 */
export function timeLeft(elapsed: number, done: number, left: number): string {
  if (done === 0) return "";
  const seconds = Math.round((elapsed / done) * left / 1000);
  if (seconds < 90) return `${seconds} s left`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min left` : `${(minutes / 60).toFixed(1)} h left`;
}
