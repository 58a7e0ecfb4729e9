import { assert, assertEquals, assertMatch } from "@std/assert";
import { readBenchReport } from "../../../tasks/bench/report/bench_report.ts";
import { isMeasured } from "../../../tasks/bench/plan/bench_result.ts";
import { checkpointPath } from "../../fixtures/golden.ts";
import { withFolder } from "../../fixtures/with_folder.ts";

const ROOT = new URL("../../../", import.meta.url);

Deno.test("bench: Ctrl-C ends every process; what was finished is in the file, and the exit code is 130", async () => {
  await withFolder(async (path) => {
    const output = path("new/run.json");
    const model = checkpointPath("qwen2_untied_f32");
    const settings = ["--contexts", "16", "--tokens", "2", "--rounds", "100000", "--systems", "kvmirror", "--json"];
    const metrics = "decode,prefill,first_token,decode_evicted,cache_bytes";
    const task = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "-q",
        "tasks/bench.ts",
        "--model",
        model,
        "--metrics",
        metrics,
        ...settings,
        "--output",
        output,
      ],
      cwd: ROOT,
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const ended = task.output();
    await fileAt(output);
    task.kill("SIGINT");
    const { code, stdout, stderr } = await ended;
    const text = new TextDecoder().decode(stderr);
    assertEquals(code, 130, text);
    assertMatch(text, /^error: interrupted: 7 rows hold what was finished$/m);
    const { rows, unfinished } = await readBenchReport(output);
    assertEquals([unfinished, rows.length, rows[0].system], [true, 7, "kvmirror"]);
    assert(rows.every((row) => isMeasured(row) && row.rounds >= 1 && row.rounds < 100000));
    const reason = "not measured: kl is not among the metrics";
    assertEquals(
      rows.map((row) => isMeasured(row) && row.kl_missing),
      rows.map(({ metric }) => (
        metric === "cache_bytes" ? undefined : reason
      )),
    );
    assertEquals(JSON.parse(new TextDecoder().decode(stdout)), rows);
    assertMatch(await Deno.readTextFile(path("new/run.md")), /The run was interrupted/);
    assertEquals([...Deno.readDirSync(path("new"))].map(({ name }) => name).sort(), ["figures", "run.json", "run.md"]);
  });
});

async function fileAt(path: string): Promise<void> {
  for (let wait = 0; wait < 600; wait++) {
    if (await Deno.stat(path).then(() => true, () => false)) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`no ${path} after a minute`);
}
