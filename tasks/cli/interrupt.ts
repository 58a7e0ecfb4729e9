/** What a shell reports of a program that Ctrl-C ended, and of one that `kill` did: 128 and the signal's number. */
export const INTERRUPT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** Ctrl-C, and what `kill`, `timeout` and CI send: to end at once would leave a notebook's kernel running alone. */
const SIGNALS: readonly (keyof typeof INTERRUPT_CODES)[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];

let code: number | undefined;

/**
 * A signal that Ctrl-C or `kill` aborts, so that work ends between two steps and what it holds is closed. The second one
 * ends the program at once.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of SIGNALS) {
    Deno.addSignalListener(name, () => {
      if (code !== undefined) Deno.exit(code);
      code = INTERRUPT_CODES[name];
      controller.abort(new Error("interrupted"));
    });
  }
  return controller.signal;
}

/** The exit code of what was interrupted; undefined if nothing was. */
export function interruptCode(): number | undefined {
  return code;
}
