import { assert, assertAlmostEquals, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { fileURLToPath } from "node:url";
import { randomIds } from "../../../../tasks/bench/workers/serve.ts";
import { compareLogits } from "../../../../tasks/bench/metrics/divergence.ts";
import { askOnce, startSystem } from "../../../../tasks/bench/workers/system_process.ts";
import { checkpointPath } from "../../../fixtures/golden.ts";
import { withFolder } from "../../../fixtures/with_folder.ts";

const PYTHON = fileURLToPath(new URL("../../../../tasks/bench/workers/python/", import.meta.url));

/** A worker in Python whose system is made up: it gives back the ids it was asked to read, and 500 ms for each text. */
const SYNTHETIC = `
import sys
sys.path.insert(0, ${JSON.stringify(PYTHON)})
from array import array
from protocol import measurement, missing, serve, token_times
print("a library that talks")

class Logits:
    def __init__(self, values): self.values = array("f", values)
    def astype(self, kind, copy): return self
    def tofile(self, file): self.values.tofile(file)

def tokens(ids, request):
    if request["tokens"] == 0: return token_times(0, [0.5], len(ids))
    evicted = [missing(f"decode_evicted_{percent}", "ms/token", "it evicts nothing") for percent in request["evict"]]
    return [measurement("decode", "ms/token", *ids[:request["tokens"]]), *evicted]

def logits(ids):
    for id in ids: yield Logits([id, 0.0])

serve("made up", 1000, tokens, logits)
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
  const measured = await system.measure({ measure: "tokens", context: 20, tokens: 5, evict: [87.5] });
  assertEquals(measured, [
    { metric: "decode", unit: "ms/token", samples: randomIds(20, 1000).slice(0, 5) },
    { metric: "decode_evicted_87.5", unit: "ms/token", samples: [], reason: "it evicts nothing" },
  ]);
  const read = await system.measure({ measure: "read", context: 20, rows: 8 });
  assertEquals(read, [{ metric: "read_full", unit: "s", samples: [0.5] }]);
  const [{ metric, samples: [peak] }] = await system.measure({ measure: "memory" });
  assert(metric === "resident_peak" && peak >= system.facts.loadedBytes);
  // Its own peak, not that of the process that started it.
  if (Deno.build.os === "linux") assert(peak < Deno.memoryUsage().rss, `${peak}`);
});

Deno.test("logits of a worker in Python against others, by hand", async () => {
  if (!await hasPython()) return console.log("skipped: python3 is not on this machine");
  await withFolder(async (path) => {
    await using system = await startSystem({ system: "made up", command: "python3", args: ["-c", SYNTHETIC] });
    assertEquals(await system.measure({ measure: "logits", ids: [0, 2, 3], path: path("said") }), []);
    assertEquals(new Float32Array((await Deno.readFile(path("said"))).buffer), Float32Array.of(0, 0, 2, 0, 3, 0));
    // Even odds thrice: log 1/2 where the system says log 1/2, then 1 of 1 + e² and 1 of 1 + e³ for the second token.
    await Deno.writeFile(path("true"), new Uint8Array(new Float32Array(6).buffer));
    const judged = await compareLogits(path("true"), path("said"), { tokens: 3, vocabSize: 2 });
    const nats = (logit: number) => Math.log(1 + Math.exp(logit)) - logit / 2 - Math.log(2);
    assertAlmostEquals(judged.kl, (nats(2) + nats(3)) / 3, 1e-6);
    assertEquals(judged.top1, 1);
    await Deno.writeFile(path("true"), new Uint8Array(Float32Array.of(0, 1, 2, 0, 0, 1).buffer));
    assertEquals((await compareLogits(path("true"), path("said"), { tokens: 3, vocabSize: 2 })).top1, 1 / 3);
    const compare = (tokens: number) => compareLogits(path("true"), path("said"), { tokens, vocabSize: 2 });
    await assertRejects(() => compare(4), RangeError, "there are 24 bytes of them where 4 × 2 float32 are expected");
    await Deno.writeFile(path("said"), new Uint8Array(new Float32Array(6).fill(NaN).buffer));
    await assertRejects(() => compare(3), RangeError, "Cannot compare logits as some are no finite numbers");
  });
});

Deno.test("node-llama-cpp's worker runs by its package's configuration, which knows no other package", async () => {
  await withFolder(async (path) => {
    await Deno.writeTextFile(path("deno.json"), `{ "nodeModulesDir": "manual" }`);
    const worker = fileURLToPath(new URL("../../../../tasks/bench/workers/node_llama_cpp/worker.ts", import.meta.url));
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-q",
        "--no-prompt",
        "--config",
        path("deno.json"),
        "-R",
        "-W",
        "-E",
        "-S",
        worker,
        path(""),
        "model",
      ],
    }).output();
    assertEquals(code, 1);
    const [message, ...more] = new TextDecoder().decode(stderr).trim().split("\n");
    assertMatch(message, /^error: .*node_modules\/node-llama-cpp\/package\.json/);
    assertEquals(more, []);
  });
});

Deno.test("a worker that dies is an error that names its system", async () => {
  const args = ["eval", "-q", "Deno.exit(3)", checkpointPath("llama_tied_f16")];
  const started = await startSystem({ system: "made up", command: Deno.execPath(), args }).catch((error) =>
    error.message
  );
  assertEquals(started, "Cannot measure made up as its process ended with exit code 3: its message is above");
});

Deno.test("asked once, a peer that dies is a reason, and this engine's own death is an error", async () => {
  const asked = (system: string) =>
    askOnce(
      { system, command: Deno.execPath(), args: ["eval", "-q", "Deno.exit(137)"] },
      { measure: "memory" },
      new AbortController().signal,
    );
  assertEquals(await asked("made up"), { reason: "its process ended with exit code 137" });
  await assertRejects(
    () => asked("kvmirror"),
    Error,
    "Cannot measure kvmirror as its process ended with exit code 137",
  );
});
