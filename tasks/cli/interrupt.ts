/** What a shell reports of a program that Ctrl-C ended, and of one that `kill` did: 128 and the signal's number. */
export const INTERRUPT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** Ctrl-C, or what `kill`, `timeout` and CI send: to end at once would leave a notebook's kernel running alone. */
export type Interrupt = keyof typeof INTERRUPT_CODES;

let code: number | undefined;
let listener: Worker | undefined;

/**
 * A signal that Ctrl-C or `kill` aborts, so that work ends between two steps and what it holds is closed. The second one
 * ends the program at once, whatever it is at.
 */
export async function interruptSignal(): Promise<AbortSignal> {
  const controller = new AbortController();
  await hearInterrupt((name) => {
    code = INTERRUPT_CODES[name];
    controller.abort(new Error("interrupted"));
  });
  return controller.signal;
}

/**
 * Calls a function at the next Ctrl-C or `kill`; the one after it ends the program, unless the function that this gives
 * is called before. A thread of its own hears them: a template or a pattern of a model may keep this one for hours.
 */
export async function hearInterrupt(heard: (name: Interrupt) => void): Promise<() => void> {
  const worker = listener = new Worker(new URL("./interrupt_worker.ts", import.meta.url), { type: "module" });
  await new Promise((ready) => worker.onmessage = ready);
  worker.onmessage = ({ data }: MessageEvent<Interrupt>) => heard(data);
  return () => worker.postMessage("next");
}

/** Hears no more: the next signal ends the program. A listening thread would keep it alive. */
export function endInterrupts(): void {
  listener?.terminate();
}

/** The exit code of what was interrupted; undefined if nothing was. */
export function interruptCode(): number | undefined {
  return code;
}
