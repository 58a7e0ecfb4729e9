import process from "node:process";
import { createInterface } from "node:readline";
import { readLines } from "../../lib/files/lines.ts";
import { hearInterrupt, type Interrupt, INTERRUPT_CODES } from "../cli/interrupt.ts";
import { writeText } from "../cli/print.ts";

/** Where lines come from. */
export interface LineInput {
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  isTerminal(): boolean;
}

/** Lines as they come, without their ends; the last one may have none. Before each, a terminal's user is asked. */
export async function* inputLines(input: LineInput, ask: () => void): AsyncGenerator<string, void, undefined> {
  const terminal = input.isTerminal();
  if (terminal) ask();
  for await (const line of readLines(input.readable)) {
    yield line;
    if (terminal) ask();
  }
}

/** Lines that are remembered, for the arrow keys. */
const HISTORY_LINES = 1000;

/** Options of {@linkcode editedLines}. */
export interface EditOptions {
  /** What stands before a line. */
  readonly prompt: string;
  /** What the tab key may make of what is typed so far. */
  readonly complete: (typed: string) => readonly string[];
  /** Called for Ctrl-C on an empty line. */
  readonly onInterrupt: () => void;
}

/**
 * Lines as somebody types them in a terminal: with the keys that readline knows, and earlier ones by the arrow keys. The
 * terminal is readline's while a line is typed alone, so that Ctrl-C is a signal in between; it ends at Ctrl-D.
 */
export async function* editedLines(options: EditOptions): AsyncGenerator<string, void, undefined> {
  let history: readonly string[] = [];
  let begun = "";
  while (true) {
    const typed = await typedLines(options, history, begun);
    yield* typed.lines;
    // What comes next on the terminal begins a line of its own.
    if (typed.ended) return writeText(Deno.stderr, "\n");
    ({ history, begun } = typed);
  }
}

/** What was typed up to a line's end: several lines where they were pasted, and the beginning of the next. */
interface TypedLines {
  readonly lines: readonly string[];
  readonly begun: string;
  readonly ended: boolean;
  readonly history: readonly string[];
}

function typedLines(
  { prompt, complete, onInterrupt }: EditOptions,
  earlier: readonly string[],
  begun: string,
): Promise<TypedLines> {
  const { promise, resolve } = Promise.withResolvers<TypedLines>();
  const lines: string[] = [];
  let [history, rest] = [earlier, ""];
  const editor = createInterface({
    input: process.stdin,
    output: process.stderr,
    terminal: true,
    prompt,
    history: [...earlier],
    historySize: HISTORY_LINES,
    removeHistoryDuplicates: true,
    completer: (typed: string) => [complete(typed), typed],
  });
  editor.on("history", (all: string[]) => history = [...all]);
  editor.on("line", (line: string) => {
    // What is pasted comes at once: the terminal is given back after its last line.
    if (lines.push(line) === 1) {
      setTimeout(() => {
        rest = editor.line;
        editor.close();
      });
    }
  });
  editor.on("SIGINT", () => {
    if (editor.line === "") onInterrupt();
    editor.write(null, { ctrl: true, name: "e" });
    editor.write(null, { ctrl: true, name: "u" });
  });
  editor.on("close", () => resolve({ lines, begun: rest, ended: lines.length === 0, history }));
  editor.prompt();
  if (begun !== "") editor.write(begun);
  return promise;
}

/**
 * Ctrl-C in a conversation: the first one ends the answer that is being given, the next one, or one between two answers,
 * the program. Files are written in one go and under another name first, so that none is left in pieces.
 */
export class TurnInterrupt {
  #turn?: AbortController;
  #hearNext = () => {};

  /** Hears signals from here on. */
  static async open(): Promise<TurnInterrupt> {
    const interrupt = new TurnInterrupt();
    interrupt.#hearNext = await hearInterrupt((name) => interrupt.#hear(name));
    return interrupt;
  }

  #hear(name: Interrupt): void {
    if (name === "SIGTERM" || this.#turn === undefined) this.end(name);
    this.#turn.abort(new Error("interrupted"));
  }

  /** Ends the program as the signal does; the terminal is the shell's again. */
  end(signal: Interrupt): never {
    if (Deno.stdin.isTerminal()) Deno.stdin.setRaw(false);
    // The shell's prompt begins a line of its own.
    if (Deno.stderr.isTerminal()) writeText(Deno.stderr, "\n");
    Deno.exit(INTERRUPT_CODES[signal]);
  }

  /** A signal that the next Ctrl-C aborts. */
  beginTurn(): AbortSignal {
    this.#turn = new AbortController();
    return this.#turn.signal;
  }

  /** From here on Ctrl-C ends the program. */
  endTurn(): void {
    if (this.#turn?.signal.aborted) this.#hearNext();
    this.#turn = undefined;
  }
}
