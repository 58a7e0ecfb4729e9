import { assert, assertAlmostEquals, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { divergence } from "kvmirror";
import { readCheckpoint } from "kvmirror/engine";
import { describeRow } from "../../tasks/bench/describe_row.ts";
import { type BenchRow, median, tokenTimes } from "../../tasks/bench/measurement.ts";
import { openLibraryModel } from "../../tasks/bench/transformers_js/library_model.ts";
import { libraryFolder } from "../../tasks/bench/transformers_js/model_folder.ts";
import {
  checkpointPath,
  CHECKPOINTS,
  largestDifference,
  numbers,
  openCheckpoint,
  readAll,
  readGolden,
} from "../engine/golden.ts";
import { runTask } from "./run_task.ts";

for (const name of CHECKPOINTS) {
  Deno.test(`transformers.js on our grouped-query graph of ${name} says what PyTorch says`, async () => {
    const golden = readGolden(name);
    using checkpoint = await readCheckpoint(checkpointPath(name));
    await using model = await openLibraryModel(await libraryFolder(checkpoint, "f32"), "f32");
    const difference = largestDifference(await model.logits(golden.ids), numbers(golden.logits));
    assert(difference < 1e-3, `logits differ by ${difference}`);
    const calls: number[][] = [];
    await model.generate(golden.ids, golden.greedy.length, (ids) => calls.push([...ids]));
    assertEquals(calls, [golden.ids, ...golden.greedy.map((id) => [id])]);
  });

  Deno.test(`the peer's int4 weights of ${name} are this engine's`, async () => {
    const { ids } = readGolden(name);
    using checkpoint = await readCheckpoint(checkpointPath(name));
    await using model = await openLibraryModel(await libraryFolder(checkpoint, "int4"), "int4");
    await using own = await openCheckpoint(name, "int4");
    const { logits } = await readAll(own, ids);
    // Attention rounds otherwise, and products in 8 bits carry that on; weights of their own are 0.2 nats away and more.
    const nats = divergence(logits, await model.logits(ids));
    assert(nats < 0.01, `int4 logits are ${nats} nats apart`);
  });
}

Deno.test("bench: a row per system, metric and context; this engine's come first", async () => {
  const output = await Deno.makeTempFile({ suffix: ".json" });
  try {
    const args = ["--contexts", "16,64", "--rounds", "2", "--tokens", "2", "--output", output, "--json"];
    const { code, stdout, stderr } = await runTask(["bench", "--model", checkpointPath("qwen2_untied_f32"), ...args]);
    assertEquals(code, 0, stderr);
    const rows: BenchRow[] = JSON.parse(stdout);
    const full = ["prefill", "decode"];
    const evicted = ["decode_evicted_50", "decode_evicted_75", "decode_evicted_87.5"];
    assertEquals(
      rows.map(({ system, metric, context }) => [system, metric, context]),
      [["kvmirror", [...full, ...evicted]] as const, ["transformers.js", full] as const].flatMap(([system, metrics]) =>
        [16, 64].flatMap((context) => metrics.map((metric) => [system, metric, context]))
      ),
    );
    for (const { value, low, high, unit, metric, rounds } of rows) {
      assert(low > 0 && low <= value && value <= high && rounds === 2);
      assertEquals(unit, metric === "prefill" ? "tokens/s" : "ms/token");
    }
    const report = JSON.parse(await Deno.readTextFile(output));
    assertEquals(report.rows, rows);
    assertEquals(Object.keys(report.systems), ["kvmirror", "transformers.js"]);
  } finally {
    await Deno.remove(output);
  }
});

Deno.test("bench: wrong flags are one line and exit code 2", async () => {
  const model = checkpointPath("qwen2_untied_f32");
  for (
    const [args, message] of [
      [["--contexts", "64,x"], /^error: Cannot use --contexts x as it must be a whole number of at least 16$/m],
      [["--rounds", "0"], /^error: Cannot use --rounds 0 as it must be a whole number of at least 1$/m],
      [["--systems", "pytorch"], /^error: Cannot measure pytorch: the systems are kvmirror, transformers.js$/m],
      [["--model", model], /^error: Cannot time 4 × 25 tokens after 4096 as the model's context is 1024: give/m],
      [["now"], /^error: Cannot use now: every setting is a flag$/m],
    ] as const
  ) {
    const { code, stdout, stderr } = await runTask(["bench", ...args]);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, message);
  }
});

Deno.test("times by hand: the first token ends the prefill, each further one is a step", () => {
  assertEquals(tokenTimes(1000, [1500, 1510, 1525], 100), [
    { metric: "prefill", unit: "tokens/s", samples: [200] },
    { metric: "decode", unit: "ms/token", samples: [10, 15] },
  ]);
  assertAlmostEquals(median([9, 1, 2]), 2);
  assertAlmostEquals(median([4, 1, 2, 9]), 3);
  assertThrows(() => median([]), RangeError);
});

Deno.test("a peer's row says how many times as fast this engine is, whichever way the metric points", () => {
  const row = (system: string, metric: string, unit: string, value: number): BenchRow => (
    { system, metric, context: 64, value, unit, low: value, high: value, rounds: 1 }
  );
  const rows = [
    row("kvmirror", "decode", "ms/token", 5),
    row("kvmirror", "prefill", "tokens/s", 900),
    row("peer", "decode", "ms/token", 10),
    row("peer", "prefill", "tokens/s", 300),
  ];
  assertEquals(rows.map((row) => describeRow(row, rows).match(/kvmirror (\S+)×/)?.[1]), [
    undefined,
    undefined,
    "2.00",
    "3.00",
  ]);
});
