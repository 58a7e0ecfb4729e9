import { writeAll } from "./cli.ts";

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
      if (now - last < (terminal ? QUIET_MS / 4 : 5 * QUIET_MS)) return;
      last = now;
      shown = true;
      const share = total === undefined ? `${done}` : `${done}/${total} (${Math.floor((100 * done) / total)}%)`;
      const line = [label, share, note].filter((part) => part !== "").join(" ");
      writeAll(Deno.stderr, terminal ? `\r${line}\x1b[K` : `${line}\n`);
    },
    close: () => {
      if (shown && terminal) writeAll(Deno.stderr, "\n");
      shown = false;
    },
  };
}
