import { readLines } from "../../lib/files/lines.ts";
import { INTERRUPT_CODES } from "../cli/interrupt.ts";
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
        Deno.exit(INTERRUPT_CODES.SIGINT);
      }
      this.#turn.abort(new Error("interrupted"));
    });
    if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", () => Deno.exit(INTERRUPT_CODES.SIGTERM));
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
