import { assert, assertEquals } from "@std/assert";
import { randomIds } from "../../../../tasks/bench/workers/serve.ts";
import { startSystem } from "../../../../tasks/bench/workers/system_process.ts";
import { checkpointPath } from "../../../fixtures/golden.ts";

const PYTHON = new URL("../../../../tasks/bench/workers/python/", import.meta.url).pathname;

/** A worker in Python whose system is made up: it gives back the ids it was asked to read. */
const SYNTHETIC = `
import sys
sys.path.insert(0, ${JSON.stringify(PYTHON)})
from protocol import measurement, serve
print("a library that talks")
serve("made up", 1000, lambda ids, count: [measurement("decode", "ms/token", *ids[:count])])
`;

async function hasPython(): Promise<boolean> {
  return await new Deno.Command("python3", { args: ["--version"], stdout: "null" }).output().then(
    () => true,
    () => false,
  );
}

Deno.test("a worker in Python speaks as those in TypeScript do, and reads the same ids", async () => {
  if (!await hasPython()) return console.log("skipped: python3 is not on this machine");
  await using system = await startSystem({ system: "made up", command: "python3", args: ["-c", SYNTHETIC] });
  assertEquals(system.facts.version, "made up");
  assert(system.loadMs > 0 && system.facts.loadedBytes > 1e6);
  const measured = await system.measure({ measure: "tokens", context: 20, tokens: 5, evict: false });
  assertEquals(measured, [{ metric: "decode", unit: "ms/token", samples: randomIds(20, 1000).slice(0, 5) }]);
  const [{ metric, samples: [peak] }] = await system.measure({ measure: "memory" });
  assert(metric === "resident_peak" && peak >= system.facts.loadedBytes);
  // Its own peak, not that of the process that started it.
  if (Deno.build.os === "linux") assert(peak < Deno.memoryUsage().rss, `${peak}`);
});

Deno.test("a worker that dies is an error that names its system", async () => {
  const args = ["eval", "-q", "Deno.exit(3)", checkpointPath("llama_tied_f16")];
  const started = await startSystem({ system: "made up", command: Deno.execPath(), args }).catch((error) =>
    error.message
  );
  assertEquals(started, "Cannot measure made up as its process ended with exit code 3: its message is above");
});
