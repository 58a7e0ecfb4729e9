/** Ctrl-C, and what `kill`, `timeout` and CI send: to end at once would leave a notebook's kernel running alone. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];

/** A signal that Ctrl-C or `kill` aborts, so that work ends between two steps and what it holds is closed. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const abort = () => controller.abort(new Error("interrupted"));
  for (const signal of SIGNALS) Deno.addSignalListener(signal, abort);
  return controller.signal;
}
