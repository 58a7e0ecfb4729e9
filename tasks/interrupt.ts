/** A signal that Ctrl-C aborts, so that work ends between two steps and what it holds is closed. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  Deno.addSignalListener("SIGINT", () => controller.abort(new Error("interrupted")));
  return controller.signal;
}
