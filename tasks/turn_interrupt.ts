import { writeAll } from "./cli.ts";

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
        if (Deno.stderr.isTerminal()) writeAll(Deno.stderr, "\n");
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
