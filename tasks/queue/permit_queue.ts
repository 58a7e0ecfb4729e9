import settings from "../../deno.json" with { type: "json" };
import { hostAndPort, type QueueAddress } from "./queue_address.ts";

/** How often a process looks whether the one that started it is still there, in ms. */
const PARENT_MS = 500;

/**
 * Lets this task reach the queue's host. Where its permissions do not, it runs anew with them and that one address beside,
 * and ends as that run does; where they do, it goes on.
 *
 * @param task the entry point's address
 * @param permissions what `deno task` starts it with, the network aside
 */
export async function permitQueue(address: QueueAddress, task: string, permissions: readonly string[]): Promise<void> {
  const host = hostAndPort(address);
  if ((await Deno.permissions.query({ name: "net", host })).state === "granted") return endWithParent();
  const net = [...settings.permissions.engine.net, host].join(",");
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--no-prompt", ...permissions, `--allow-net=${net}`, task, ...Deno.args],
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  const hand = (signal: Deno.Signal) => () => {
    try {
      process.kill(signal);
    } catch {
      // It has ended by itself.
    }
  };
  Deno.addSignalListener("SIGTERM", hand("SIGTERM"));
  Deno.addSignalListener("SIGINT", () => {}); // a terminal sends it to both
  Deno.exit((await process.status).code);
}

/** Ends this process once the one that started it has gone, which took the user's interrupts. */
function endWithParent(): void {
  const parent = Deno.ppid;
  Deno.unrefTimer(setInterval(() => {
    if (Deno.ppid !== parent) Deno.exit(1);
  }, PARENT_MS));
}
