import { readLines } from "../../lib/files/lines.ts";
import { writeText } from "../cli/run_task.ts";

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

/** What a shell reports of a program that Ctrl-C ended, and of one that `kill` did. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Ctrl-C in a conversation: the first one ends the answer that is being given, the next one, or one between two answers,
 * the program. Files are written in one go and under another name first, so that none is left in pieces.
 */
export class TurnInterrupt {
  #turn?: AbortController;

  constructor() {
    Deno.addSignalListener("SIGINT", () => {
      if (this.#turn === undefined || this.#turn.signal.aborted) {
        // The shell's prompt begins a line of its own.
        if (Deno.stderr.isTerminal()) writeText(Deno.stderr, "\n");
        Deno.exit(EXIT_CODES.SIGINT);
      }
      this.#turn.abort(new Error("interrupted"));
    });
    if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", () => Deno.exit(EXIT_CODES.SIGTERM));
  }

  /** A signal that the next Ctrl-C aborts. */
  begin(): AbortSignal {
    this.#turn = new AbortController();
    return this.#turn.signal;
  }

  /** From here on Ctrl-C ends the program. */
  end(): void {
    this.#turn = undefined;
  }
}
