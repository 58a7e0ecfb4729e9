import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { checkpointPath, readGolden } from "../fixtures/golden.ts";
import { runTask, type TaskResult } from "../fixtures/run_task.ts";
import { withFolder } from "../fixtures/with_folder.ts";

const RECORD = { policy: "mine", tokens: ["The", " dog", " <b>"], kept: [[[0, 2], [0]]] };

/** Lines on stderr that are ours: Node's own warning about a package of Vega's is not. */
const notices = ({ stderr }: TaskResult) => stderr.trim().split("\n").filter((line) => !/DEP0040|^\(Use|^$/.test(line));

Deno.test("retention: what compress prints becomes a page, an SVG and a PNG; two runs are set side by side", async () => {
  await withFolder(async (path) => {
    await Deno.writeTextFile(path("p.txt"), readGolden("qwen2_untied_f32").text);
    const model = ["--model", checkpointPath("qwen2_untied_f32"), "--weights", "f32"];
    for (const policy of ["streaming_llm", "adakv(knorm)"]) {
      const run = ["compress", ...model, "--prompt-file", path("p.txt"), "--max-new-tokens", "1"];
      const { stdout, stderr } = await runTask([...run, "--policy", policy, "--compression-ratio", "0.5", "--json"]);
      const record = JSON.parse(stdout);
      const held = record.kept.flatMap((layer: number[][], index: number) =>
        layer.map((positions, head) => [index, head, "f32", positions.length, positions.length * 128])
      );
      assertEquals(
        record.usage.map(Object.values).map((row: unknown[]) => row.slice(0, 5)),
        held,
        stderr,
      );
      // The last token is read after the eviction where there is no question.
      assertEquals(record.tokens.length, record.prompt_tokens - 1);
      assert(readGolden("qwen2_untied_f32").text.startsWith(record.tokens.join("")));
      await Deno.writeTextFile(path(`${policy[0]}.json`), stdout);
    }
    const both = ["--record", path("s.json"), "--against", path("a.json")];
    const text = await runTask(["retention", ...both, "--output", path("o.html")]);
    assertMatch(
      text.stdout,
      /^streaming_llm at ratio 0\.5 kept [\d.]+ % of rows; no kv head holds \d+ of \d+ tokens; answer: ".*"\nadakv\(knorm\) at /,
    );
    assertEquals(notices(text), []);
    const page = await Deno.readTextFile(path("o.html"));
    assertStringIncludes(page, "<h3>streaming_llm</h3>");
    assertStringIncludes(page, "<h3>adakv(knorm)</h3>");
    const json = await runTask(["retention", "--record", path("s.json"), "--output", path("new/o.svg"), "--json"]);
    const { records: [record] } = JSON.parse(json.stdout);
    assertEquals(record.lost_everywhere, Math.round(record.tokens * (1 - record.kept_ratio)));
    assertMatch(await Deno.readTextFile(path("new/o.svg")), /^<svg/);
  });
});

Deno.test("retention: a record made by hand, drawn as PNG", async () => {
  await withFolder(async (path) => {
    await Deno.writeTextFile(path("r.json"), JSON.stringify(RECORD));
    const flags = ["--record", path("r.json"), "--output", path("o.png"), "--title", "Mine", "--json"];
    const { code, stdout, stderr } = await runTask(["retention", ...flags]);
    assertEquals(code, 0, stderr);
    assertEquals(JSON.parse(stdout), {
      output: path("o.png"),
      records: [{ policy: "mine", compression_ratio: 0.5, tokens: 3, kept_ratio: 0.5, lost_everywhere: 1 }],
    });
    assertEquals([...(await Deno.readFile(path("o.png"))).subarray(1, 4)], [0x50, 0x4e, 0x47]);
  });
});

Deno.test("retention: policies run on a text; the runs are kept, and show the same page again", async () => {
  await withFolder(async (path) => {
    await Deno.writeTextFile(path("p.txt"), "The special number for whale is 4711. ".repeat(6));
    const asked = ["--prompt-file", path("p.txt"), "--question", "What is the special number for whale?"];
    const policies = ["--policy", "kvzip,streaming_llm", "--compression-ratio", "0.5,0", "--max-new-tokens", "4"];
    const bound = ["--max-cache", "60KB", "--compression-interval", "16", "--model", "tiny"];
    const kept = ["--output", path("runs.json"), "--json"];
    const { code, stdout, stderr } = await runTask(["retention", ...asked, ...policies, ...bound, ...kept]);
    assertEquals(code, 0, stderr);
    assertMatch(stderr, /Cannot bound a cache with kvzip as it needs reconstruction/);
    const { records } = JSON.parse(stdout);
    assertEquals(
      records.map((row: Record<string, unknown>) => [row.policy, row.compression_ratio]),
      [["kvzip", 0], ["kvzip", 0.5], ["streaming_llm", 0], ["streaming_llm", 0.5], [
        "streaming_llm within its bound",
        undefined,
      ]],
    );
    assertEquals(records.map((row: Record<string, number>) => row.kept_ratio).slice(0, 3), [1, 0.5, 1]);
    assert(records.every(({ answer }: { answer: string }) => answer.length > 0));
    for (const name of ["a.html", "b.html"]) {
      const page = await runTask(["retention", "--record", path("runs.json"), "--output", path(name)]);
      assertEquals(page.code, 0, page.stderr);
    }
    const page = await Deno.readTextFile(path("a.html"));
    assertEquals(page, await Deno.readTextFile(path("b.html")));
    assertStringIncludes(page, "Cannot bound a cache with kvzip");
    assertStringIncludes(page, "over time");
  });
});

Deno.test("retention: what is wrong is one line on stderr and exit 2, and nothing is written", async () => {
  await withFolder(async (path) => {
    const files: Record<string, string> = {
      "r.json": JSON.stringify(RECORD),
      "none.json": "no JSON",
      "empty.json": "",
      "far.json": JSON.stringify({ ...RECORD, kept: [[[0, 3]]] }),
      "old.json": JSON.stringify({ kept: RECORD.kept }),
      "other.json": JSON.stringify({ ...RECORD, tokens: ["A", " cat", "!"] }),
      "runs.json": JSON.stringify({ format: "kvmirror inspection 1", layers: 1 }),
      "blank.json": JSON.stringify({ tokens: [""], kept: [[[0]]] }),
    };
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(path(name), text);
    const output = ["--output", path("o.svg")];
    const run = (...more: string[]) => ["--prompt-file", path("r.json"), "--question", "Who?", ...more, ...output];
    const wrong: [string[], RegExp][] = [
      [output, /without --record/],
      [["--record", path("r.json")], /without --output: .*\.html, \.svg, \.png/],
      [["--record", path("r.json"), "--output", path("o.gif")], /o\.gif as it must end in \.html, \.svg, \.png/],
      [["--record", path("missing.json"), ...output], /no such file/],
      [["--record", path("none.json"), ...output], /no JSON.*--record/],
      [["--record", path("empty.json"), ...output], /empty/],
      [["--record", path("far.json"), ...output], /position 3 of layer 0, kv head 0.* below the 3 tokens/],
      [["--record", path("old.json"), ...output], /no tokens/],
      [["--record", path("blank.json"), ...output], /text of 1 tokens as it is empty/],
      [["--record", path("r.json"), "--against", path("none.json"), ...output], /no JSON.*--against/],
      [
        ["--record", path("r.json"), "--record", path("other.json"), ...output],
        /other\.json.* as it is of another text/,
      ],
      [["--record", path("runs.json"), ...output], /layers and kv_heads/],
      [["--record", path("r.json"), "--policy", "snapkv", ...output], /--policy with --record/],
      [["--record", path("r.json"), "--prompt-file", path("r.json"), ...output], /--prompt-file beside --record/],
      [["--prompt-file", path("r.json"), ...output], /without a question: give --question/],
      [run("--compression-ratio", "0.5,1"), /ratio 1 as it must be in \[0, 1\)/],
      [run("--compression-interval", "8"), /--compression-interval without a bound/],
      [run("--policy", "snapkw"), /snapkv/],
      [["r.json", ...output], /the word r\.json as retention takes flags only/],
    ];
    for (const [args, message] of wrong) {
      const result = await runTask(["retention", ...args]);
      assertEquals([result.code, result.stdout, notices(result).length], [2, "", 1], result.stderr);
      assertMatch(notices(result)[0], message);
    }
    assertEquals([...Deno.readDirSync(path("."))].length, Object.keys(files).length);
  });
});
