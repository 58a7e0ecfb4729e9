import { assertEquals, assertMatch } from "@std/assert";
import type { BenchRow } from "../../../tasks/bench/plan/bench_result.ts";
import { checkpointPath } from "../../fixtures/golden.ts";
import { runTask } from "../../fixtures/run_task.ts";
import { withFolder } from "../../fixtures/with_folder.ts";

const MODEL = checkpointPath("qwen2_untied_f32");
const ROW: BenchRow = {
  system: "kvmirror",
  metric: "decode",
  context: 64,
  value: 5,
  unit: "ms/token",
  low: 5,
  high: 5,
  rounds: 1,
};
const FACTS = { command: "deno task bench", machine: "made up", date: "2026-01-01", systems: {} };

Deno.test("bench: what is wrong, a flag or a file that it names, is one line and exit code 2", async () => {
  for (
    const [args, message, expected] of [
      [["--contexts", "64,x"], /^error: Cannot use --contexts x as it must be a whole number of at least 16$/m, 2],
      [["--contexts", "8"], /^error: Cannot use --contexts 8 as it must be a whole number of at least 16$/m, 2],
      [["--rounds", "0"], /^error: Cannot use --rounds 0 as it must be a whole number of at least 1$/m, 2],
      [["--lengths", "8K"], /^error: Cannot use --lengths 8K as it must be a whole number of at least 16$/m, 2],
      [["--tokens", "many"], /^error: Cannot use --tokens many as it must be a whole number of at least 2$/m, 2],
      [["--systems", "vllm"], /^error: Cannot measure vllm: the systems are kvmirror, .*, kvpress, pytorch$/m, 2],
      [["--metrics", "speed"], /^error: Cannot measure speed: the metrics are decode, .*, profile, or all$/m, 2],
      [["--peers", "rust"], /^error: Cannot use --peers rust: it is none, npm, python$/m, 2],
      [["--speed", "1"], /^error: Cannot use --speed as it is not a flag of this task: the flags are --model, /m, 2],
      [["--model", MODEL], /^error: Cannot time 4 × 25 tokens after 4096 as the model's context is 1024: give/m, 2],
      [["now"], /^error: Cannot use the word now as bench takes flags only: .*$/m, 2],
      [
        ["--peers", "none", "--compare", "no.json"],
        /^error: Cannot compare without a peer .*: add transformers.js$/m,
        2,
      ],
      [["--compare", "no.json"], /^error: Cannot read no.json as there is no such file: write one with --output$/m, 2],
      [["--render", "no.json"], /^error: Cannot read no.json as there is no such file: write one with --output$/m, 2],
      [["--compare", "deno.json"], /^error: Cannot read deno.json as it holds no rows of a benchmark: write/m, 2],
      [["--output", "tests"], /^error: Cannot write tests as it is a folder: name a file in it$/m, 2],
    ] as const
  ) {
    const { code, stdout, stderr } = await runTask(["bench", ...args]);
    assertEquals([code, stdout, stderr.split("\n").length], [expected, "", 2 + Number(args[0] === "--model")], stderr);
    assertMatch(stderr, message);
  }
});

Deno.test("bench: a file of another version is one line that says what it lacks", async () => {
  await withFolder(async (path) => {
    for (
      const [report, message] of [
        ["[1, 2", "it holds no rows of a benchmark"],
        [null, "it holds no rows of a benchmark"],
        [[ROW], "it holds no rows of a benchmark"],
        [{ ...FACTS, format: 7, rows: [] }, "it is of format 7 and this version reads 1"],
        [{ ...FACTS, systems: undefined, rows: [] }, "it names no systems"],
        [{ ...FACTS, date: 3, rows: [] }, "it has no date"],
        [{ ...FACTS, rows: [ROW, { ...ROW, low: undefined }] }, "its row 2 lacks low"],
        [{ ...FACTS, rows: [{ ...ROW, metric: 1 }] }, "its row 1 lacks metric"],
        [{ ...FACTS, rows: [null] }, "its row 1 lacks system"],
        [{ ...FACTS, rows: [{ ...ROW, value: null }] }, "its row 1 lacks reason"],
        [{ ...FACTS, rows: [{ ...ROW, value: null, reason: "none", context: "64" }] }, "its row 1 lacks context"],
      ] as const
    ) {
      const file = path("earlier.json");
      await Deno.writeTextFile(file, typeof report === "string" ? report : JSON.stringify(report));
      const { code, stdout, stderr } = await runTask(["bench", "--compare", file]);
      assertEquals([code, stdout], [2, ""]);
      assertEquals(stderr, `error: Cannot read ${file} as ${message}: write one with --output\n`);
    }
  });
});

Deno.test("bench: compared with a run of other contexts, nothing is comparable, which is no pass", async () => {
  await withFolder(async (path) => {
    const earlier = path("earlier.json");
    await Deno.writeTextFile(earlier, JSON.stringify({ ...FACTS, rows: [ROW] }));
    const settings = ["--contexts", "16", "--rounds", "1", "--tokens", "2", "--metrics", "decode"];
    const systems = ["--systems", "kvmirror,transformers.js"];
    const { code, stderr } = await runTask([
      ...["bench", "--model", MODEL, "--compare", earlier],
      ...settings,
      ...systems,
    ]);
    assertEquals(code, 1);
    assertMatch(
      stderr,
      /^error: Cannot compare with .* as no row is in both runs beside a peer's: measure its metrics$/m,
    );
  });
});

Deno.test("bench --peers none: this project's rows alone, the simulator's among them", async () => {
  const settings = ["--contexts", "16", "--rounds", "1", "--tokens", "2", "--simulated", "100"];
  const metrics = ["--metrics", "decode,simulate", "--peers", "none", "--json"];
  const { code, stdout, stderr } = await runTask(["bench", "--model", MODEL, ...settings, ...metrics]);
  assertEquals(code, 0, stderr);
  const rows: BenchRow[] = JSON.parse(stdout);
  assertEquals(rows.map(({ system, metric }) => [system, metric]), [
    ["kvmirror", "decode"],
    ["kvmirror", "simulate"],
    ["kvmirror", "simulate_peak"],
    ["kvmirror int4", "decode"],
  ]);
});
