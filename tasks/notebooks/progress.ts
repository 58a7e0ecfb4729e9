import { writeText } from "../cli/print.ts";

/** Shows on stderr which cell of which notebook runs, and since when. */
export interface NotebookProgress extends Disposable {
  /** A cell begins. */
  step(notebook: string, step: number, steps: number): void;
  /** The notebook is done. */
  done(notebook: string): void;
}

/** One line that is rewritten on a terminal, a line a cell elsewhere. */
export function createNotebookProgress(): NotebookProgress {
  const terminal = Deno.stderr.isTerminal();
  const write = (text: string) => writeText(Deno.stderr, text);
  let begun = performance.now();
  let current: string | undefined;
  let line = "";
  let width = 0;
  // Blanks clear what a longer line left, on terminals without escapes too.
  const rewrite = (text: string) => {
    write(`\r${text.padEnd(width)}`);
    width = text.length;
  };
  const show = () => rewrite(`${line} ${elapsed(performance.now() - begun)}`);
  const timer = terminal ? setInterval(() => current && show(), 1000) : undefined;
  return {
    step: (notebook, step, steps) => {
      if (notebook !== current) begun = performance.now();
      current = notebook;
      line = `${notebook} cell ${step}/${steps}`;
      if (terminal) show();
      else write(`${line} ${elapsed(performance.now() - begun)}\n`);
    },
    done: (notebook) => {
      const last = `${notebook} done in ${elapsed(performance.now() - begun)}`;
      if (terminal) rewrite(last);
      write(terminal ? "\n" : `${last}\n`);
      current = undefined;
    },
    [Symbol.dispose]: () => {
      clearInterval(timer);
      if (terminal && current !== undefined) write("\n");
    },
  };
}

/** `m:ss`, or `h:mm:ss`. */
function elapsed(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const pad = (value: number) => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(seconds % 60)}` : `${minutes}:${pad(seconds % 60)}`;
}
