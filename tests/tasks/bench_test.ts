import { assert, assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { divergence } from "kvmirror";
import { readCheckpoint } from "kvmirror/engine";
import { cacheFolder } from "../../lib/files/cache_folder.ts";
import { type BenchRow, describeRow, findRow, type ReportRow } from "../../tasks/bench/plan/bench_result.ts";
import { tokenTimes } from "../../tasks/bench/workers/serve.ts";
import { openLibraryModel } from "../../tasks/bench/workers/transformers_js/library_model.ts";
import { libraryFolder } from "../../tasks/bench/workers/transformers_js/model_folder.ts";
import {
  checkpointPath,
  CHECKPOINTS,
  largestDifference,
  numbers,
  openCheckpoint,
  readAll,
  readGolden,
} from "../fixtures/golden.ts";
import { runTask } from "../fixtures/run_task.ts";
import { withFolder } from "../fixtures/with_folder.ts";

function faster(row: BenchRow, times: number): BenchRow {
  const factor = row.unit === "tokens/s" ? times : 1 / times;
  return { ...row, value: row.value * factor, low: row.low * factor, high: row.high * factor };
}

async function pythonPeersInstalled(): Promise<boolean> {
  return await Deno.stat(`${cacheFolder()}/peers/python`).then(() => true, () => false);
}

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

Deno.test("bench: a row per system, metric and context, and a report with figures; this engine's come first", async () => {
  await withFolder(async (path) => {
    const output = path("run.json");
    const args = ["--contexts", "16,64", "--rounds", "2", "--tokens", "2", "--output", output, "--json"];
    const { code, stdout, stderr } = await runTask(["bench", "--model", checkpointPath("qwen2_untied_f32"), ...args]);
    assertEquals(code, 0, stderr);
    assertMatch(stderr, /^no row of node-llama-cpp as it reads GGUF files, and the model is none$/m);
    const rows: BenchRow[] = JSON.parse(stdout);
    const lost = ["kl", "kl_top1"].map((metric) => [metric, 1000] as const);
    const full = ["prefill", "first_token", "decode", "cache_bytes"];
    const evicted = ["decode_evicted_50", "decode_evicted_75", "decode_evicted_87.5"];
    assertEquals(
      rows.map(({ system, metric, context }) => [system, metric, context]),
      ([
        ["kvmirror", [...full, ...evicted]],
        ["kvmirror int4", [...full, ...evicted]],
        ["transformers.js", full],
      ] as const).flatMap(([system, metrics]) => [
        ...lost.map(([metric, context]) => [system, metric, context]),
        ...[16, 64].flatMap((context) => metrics.map((metric) => [system, metric, context])),
      ]),
    );
    const timed = rows.filter(({ metric }) => !metric.startsWith("kl"));
    for (const { value, low, high, rounds } of timed) assert(low > 0 && low <= value && value <= high && rounds === 2);
    const units = { prefill: "tokens/s", first_token: "ms", cache_bytes: "bytes" } as Record<string, string>;
    for (const { unit, metric } of timed) assertEquals(unit, units[metric] ?? "ms/token");
    // The same int4 weights lose the same, and every speed says how much.
    const nats = (system: string) => findRow(rows, system, "kl", 1000)!;
    assertAlmostEquals(nats("kvmirror int4").value, nats("transformers.js").value, 0.01);
    assert(nats("kvmirror").value < 0.1 * nats("kvmirror int4").value);
    assertMatch(nats("transformers.js").against!, /^kvmirror f32 .*, f32 weights, float32 rows$/);
    for (const { system, metric, kl } of timed) {
      assertEquals(kl, metric === "cache_bytes" ? undefined : nats(system).value, `${system} ${metric}`);
    }
    const report = JSON.parse(await Deno.readTextFile(output));
    assertEquals(report.rows, rows);
    assertEquals(Object.keys(report.systems), ["kvmirror", "kvmirror int4", "transformers.js"]);
    const markdown = await Deno.readTextFile(path("run.md"));
    assertMatch(
      markdown,
      /!\[.* decodes .* as fast as .*\]\(figures\/11_run_decode\.png\)[^]*\| kvmirror \| 0\.\d+ \| [\d.]+ % \| [\d.]+ \(/,
    );
    assertEquals([...Deno.readDirSync(path("figures"))].length, 6);

    // A run compared with a made-up one, in which this engine was a thousand times as fast and the peer was not: more than
    // any noise of one round on a busy machine.
    const earlier = rows.map((row) => row.system === "kvmirror" ? faster(row, 1000) : row);
    await Deno.writeTextFile(output, JSON.stringify({ ...report, rows: earlier }));
    const compare = [
      ...["--contexts", "16", "--rounds", "1", "--tokens", "2", "--metrics", "first_token"],
      ...["--systems", "kvmirror,transformers.js"],
    ];
    const again = await runTask([
      "bench",
      "--model",
      checkpointPath("qwen2_untied_f32"),
      ...compare,
      "--compare",
      output,
    ]);
    assertEquals(again.code, 1, again.stderr);
    assertMatch(again.stdout, /^kvmirror +first_token +16 .*SLOWER\nnot measured now: .*\n1 of 1 rows got slower/m);
  });
});

Deno.test("bench: divergence, starts, memory, a study, lookups, the simulator and a profile, when asked for", async () => {
  await withFolder(async (path) => {
    const output = path("run.json");
    const settings = ["--contexts", "16", "--rounds", "1", "--tokens", "2", "--simulated", "1000"];
    const metrics = "kl,read,load,resident,study,lookup,simulate,profile";
    const model = checkpointPath("qwen2_untied_f32");
    const args = [
      "--model",
      model,
      ...settings,
      "--metrics",
      metrics,
      "--systems",
      "kvmirror,kvmirror int4,kvmirror f32",
      "--lengths",
      "256,1024,2048",
      "--output",
      output,
      "--json",
    ];
    const { code, stdout, stderr } = await runTask(["bench", ...args]);
    assertEquals(code, 0, stderr);
    const reported: ReportRow[] = JSON.parse(stdout);
    const rows = reported.filter((row): row is BenchRow => row.value !== null);
    const own = rows.filter(({ system }) => system === "kvmirror").map(({ metric }) => metric);
    const starts = ["load_cold", "load_warm", "resident_loaded", "resident_peak"];
    const studies = ["study", "study_policies_1", "study_policies_2", "study_policies_5"];
    const lookups = ["lookup_quote", "lookup_quote_off", "lookup_free", "lookup_free_off"];
    const reads = ["read_full", "read_bounded", "read_full", "read_bounded"];
    assertEquals(own, ["kl", "kl_top1", ...reads, ...starts, ...studies, ...lookups, "simulate", "simulate_peak"]);
    const float = rows.filter(({ system }) => system === "kvmirror f32").map(({ metric }) => metric);
    assertEquals(float, ["kl", "kl_top1", ...starts, ...studies, ...lookups]);
    // Weights in 8 bits are nearer to float32 than those in 4, and the reference is itself.
    const [int8, int4, f32] = ["kvmirror", "kvmirror int4", "kvmirror f32"].map((system) =>
      findRow(rows, system, "kl", 1000)!.value
    );
    assert(f32 < 1e-9 && f32 < int8 && int8 < int4 && int4 < 1, `${f32}, ${int8} and ${int4} nats`);
    assertEquals(
      reported.filter(({ value }) => value === null),
      ["read_full", "read_bounded"].map((metric) => (
        { system: "kvmirror", metric, context: 2048, value: null, unit: "s", reason: "the model's context is 1024" }
      )),
    );
    const { profiles: [profile], floor } = JSON.parse(await Deno.readTextFile(output));
    assert(profile.operators.some(({ operator }: { operator: string }) => operator === "MatMulIntegerToFloat"));
    assertAlmostEquals(profile.operatorsMs + profile.betweenMs + profile.outsideMs, profile.profiledTokenMs, 1e-6);
    assert(floor.bandwidth > 1e8 && floor.weightBytes > 0 && floor.tokenBytes === 2 * 3 * 2 * 16 * 4);
    const markdown = await Deno.readTextFile(path("run.md"));
    assertMatch(
      markdown,
      /## What answers lose[^]*\| kvmirror int4 \|[^]*## Where the time goes[^]*MatMulIntegerToFloat/,
    );
    assertMatch(
      markdown,
      /\| kvmirror \| 0\.\d+ \| [\d.]+ % \| [\d.]+ \| [\d.]+ \| none: the model's context is 1024 \|/,
    );
    assertMatch(
      markdown,
      /11_run_reading\.png[^]*11_run_study\.png[^]*11_run_profile\.png[^]*\*\*lookup\*\*: .* on a text of 256 tokens/,
    );
  });
});

Deno.test("bench: peers in Python, where they are installed", async () => {
  if (!await pythonPeersInstalled()) {
    return console.log("skipped: the peers' Python environment is made by `deno task bench --peers python`");
  }
  const settings = ["--contexts", "16", "--rounds", "1", "--tokens", "2", "--metrics", "decode,cache_bytes"];
  const model = ["--model", checkpointPath("llama_tied_f16"), "--systems", "kvpress", "--json"];
  const { code, stdout, stderr } = await runTask(["bench", ...model, ...settings]);
  assertEquals(code, 0, stderr);
  const rows: BenchRow[] = JSON.parse(stdout);
  // 3 layers, 2 kv heads, 16 numbers of a key and of a value, 4 bytes each; 16 rows and 2 of the tokens.
  assertEquals(rows.map(({ metric, value }) => metric === "decode" || value), [true, 18 * 2 * 3 * 2 * 16 * 4]);
});

Deno.test("bench: without python3 a peer is a notice, not a failure", async () => {
  const settings = [
    "--contexts",
    "16",
    "--rounds",
    "1",
    "--tokens",
    "2",
    "--metrics",
    "simulate",
    "--simulated",
    "100",
  ];
  const run = new Deno.Command(Deno.execPath(), {
    args: [
      ...[
        "run",
        "-q",
        "--no-prompt",
        "-P=engine",
        "--allow-write",
        `--allow-run=${Deno.execPath()},git,python3`,
        "--allow-sys",
      ],
      ...["tasks/bench.ts", "--model", checkpointPath("llama_tied_f16"), ...settings],
    ],
    cwd: new URL("../../", import.meta.url),
    env: { PATH: "/nowhere", NO_COLOR: "1" },
  });
  const { code, stdout, stderr } = await run.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assertEquals(code, 0, text(stderr));
  assertMatch(text(stderr), /^no row of original \(Python\) as python3 is not on this machine$/m);
  assertMatch(text(stdout), /^kvmirror +simulate +100 .*\nkvmirror +simulate_peak +100 .*\n$/);
});

Deno.test("times by hand: the first token ends the prefill, each further one is a step", () => {
  assertEquals(tokenTimes(1000, [1500, 1510, 1525], 100), [
    { metric: "prefill", unit: "tokens/s", samples: [200] },
    { metric: "first_token", unit: "ms", samples: [500] },
    { metric: "decode", unit: "ms/token", samples: [10, 15] },
  ]);
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
    row("kvmirror", "kl", "nats/token", 0.04),
    row("kvmirror int4", "kl", "nats/token", 0.001),
  ];
  assertEquals(rows.map((row) => describeRow(row, rows).match(/kvmirror (\S+)×/)?.[1]), [
    undefined,
    undefined,
    "2.00",
    "3.00",
    undefined,
    undefined,
  ]);
});
