/**
 * Tells the main thread of a signal, and ends the program at the next one as the system ends any that hears none: the main
 * thread may be in a loop without an end.
 */
import type { Interrupt } from "./interrupt.ts";

const SIGNALS: readonly Interrupt[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
/** A terminal's Ctrl-C comes twice: `deno task` has it too, and hands it on. What comes within so many ms is one. */
const ONE_MS = 200;

// The compiler knows this file as one of the main thread.
const main = globalThis as unknown as Pick<Worker, "onmessage" | "postMessage">;
let last = -Infinity;
let told = false;

for (const name of SIGNALS) {
  const hear = () => {
    const now = performance.now();
    if (now - last < ONE_MS) return;
    last = now;
    if (told) {
      Deno.removeSignalListener(name, hear);
      Deno.kill(Deno.pid, name);
    }
    told = true;
    main.postMessage(name);
  };
  Deno.addSignalListener(name, hear);
}
main.onmessage = () => told = false;
main.postMessage("ready");
