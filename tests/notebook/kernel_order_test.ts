import { assert } from "@std/assert";
import { Kernel } from "../../lib/notebook/kernel.ts";

const OUTPUTS = 20;
const SOURCE = `for (let i = 0; i < ${OUTPUTS}; i++) {
  console.log(i);
  await Deno.jupyter.display({ "text/plain": String(i) }, { raw: true });
}`;
const REQUEST = { code: SOURCE, silent: false, store_history: true, user_expressions: {}, allow_stdin: false };

/**
 * Whether this Deno's kernel says `idle` before it has sent a cell's outputs, which is why the runner puts a barrier
 * after each cell and `deno task lab` takes an older Deno. Says which it is: neither is a failure.
 */
Deno.test("does this Deno's kernel say that a cell is done before its outputs are out?", async () => {
  await using kernel = await Kernel.start({ cwd: "." });
  let early = 0;
  for (let run = 0; run < 20; run++) {
    let seen = 0;
    let seenAtIdle: number | undefined;
    const all = Promise.withResolvers<void>();
    await kernel.request("shell", "execute_request", REQUEST, (type, content) => {
      if (type === "stream" || type === "display_data") seen++;
      if (type === "status" && content.execution_state === "idle") seenAtIdle = seen;
      if (seen >= 2 * OUTPUTS && seenAtIdle !== undefined) all.resolve();
    });
    await all.promise;
    assert(seenAtIdle !== undefined && seenAtIdle <= seen);
    if (seenAtIdle < seen) early++;
  }
  const verdict = early === 0
    ? "no: if this holds run after run, the barrier and the older Deno of `deno task lab` can go"
    : `yes, in ${early} of 20 runs: the barrier and the older Deno of \`deno task lab\` are still needed`;
  console.log(`Deno ${Deno.version.deno}: ${verdict}`);
});
