import { assertEquals, assertMatch } from "@std/assert";
import { runTask } from "../fixtures/run_task.ts";

const TABLE: [string[], number, string, number, string][] = [
  [["--policy", "keep_all"], 1024, "1.0000", 0, "1.0000"],
  [["--policy", "recent_window", "--window-size", "256"], 272, "0.2656", 73_924_608, "0.9479"],
  [["--policy", "heavy_hitter", "--topk", "96"], 96, "0.0938", 91_226_112, "1.0000"],
  [["--policy", "hybrid", "--window-size", "192", "--topk", "96"], 228, "0.2227", 78_249_984, "0.9896"],
];

Deno.test("the original's table, through the task", async () => {
  for (const [flags, kept, ratio, saved, recall] of TABLE) {
    const { code, stdout } = await runTask(["simulate", "--sequence-length", "1024", ...flags, "--json"]);
    assertEquals(code, 0);
    const { stats, bytes_per_token } = JSON.parse(stdout);
    assertEquals(bytes_per_token, 98_304);
    assertEquals([stats.kept_tokens, stats.kept_ratio.toFixed(4), stats.estimated_saved_bytes], [kept, ratio, saved]);
    assertEquals([stats.heavy_hitter_recall.toFixed(4), stats.sink_recall], [recall, 1]);
  }
});

Deno.test("--output also writes the JSON, and a seed may be any whole number", async () => {
  const output = await Deno.makeTempFile({ suffix: ".json" });
  const { stdout } = await runTask([
    "simulate",
    "--seed",
    "-340282366920938463463374607431768211507",
    "--output",
    output,
    "--json",
  ]);
  assertEquals(JSON.parse(await Deno.readTextFile(output)), JSON.parse(stdout));
  await Deno.remove(output);
});

Deno.test("--output into a folder that is not there is one line on stderr and exit 1, and leaves nothing", async () => {
  const folder = await Deno.makeTempDir();
  const { code, stdout, stderr } = await runTask(["simulate", "--output", `${folder}/none/result.json`, "--json"]);
  const message =
    `error: Cannot write ${folder}/none/result.json as its folder does not exist: make the folder first\n`;
  assertEquals([code, stdout, stderr], [1, "", message]);
  assertEquals([...Deno.readDirSync(folder)], []);
  await Deno.remove(folder);
});

Deno.test("a wrong flag, policy or number is one line on stderr and exit 2", async () => {
  const wrong: [string[], RegExp][] = [
    [["--policy", "hybird"], /did you mean hybrid/],
    [["--heavy-hitter-stride", "0"], /stride.* 0 /],
    [["--window-size", "-1"], /--window-size -1/],
    [["--sequence-length", "ten"], /--sequence-length ten/],
    [["--seed", "1.5"], /--seed 1.5/],
    [["--windowsize", "3"], /--windowsize/],
    [["--sequence-length", "17000000"], /17000000.* 16777216/],
    [["--head-dim", "-1"], /-1 head dimensions/],
    [["--policy", "random"], /policy random without a budget: give --compression-ratio/],
    [["--topk", "3", "--topk", "4"], /--topk twice/],
    [["--output="], /--output without a value/],
    [["hybrid"], /the word hybrid as simulate takes flags only/],
  ];
  for (const [flags, message] of wrong) {
    const { code, stdout, stderr } = await runTask(["simulate", ...flags]);
    assertEquals([code, stdout], [2, ""], flags.join(" "));
    assertEquals(stderr.trimEnd().split("\n").length, 1);
    assertMatch(stderr, message);
  }
});
