import { assert, assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { checkpointPath, readGolden } from "../fixtures/golden.ts";
import { runTask } from "../fixtures/run_task.ts";
import { withFiles } from "../fixtures/with_folder.ts";

/** What evicts half. */
const EVICT = ["--policy", "tova", "--compression-ratio", "0.5"];
const MODEL = ["--model", checkpointPath("qwen2_untied_f32"), "--weights", "f32"];

Deno.test("compress: what stays, what comes next, as the golden file has it", async () => {
  const golden = readGolden("qwen2_untied_f32");
  await withFiles({ "p.txt": golden.text, "q.txt": " What runs?" }, async (path) => {
    const whole = await runTask([
      "compress",
      ...MODEL,
      "--prompt-file",
      path("p.txt"),
      "--max-new-tokens",
      "32",
      "--json",
    ]);
    assertEquals(whole.code, 0, whole.stderr);
    const result = JSON.parse(whole.stdout);
    assertEquals([result.prompt_tokens, result.ids], [golden.ids.length, golden.greedy]);
    assertEquals([result.top.ids[0], result.top.ids.length, result.live_bytes], [
      golden.greedy[0],
      5,
      result.full_bytes,
    ]);
    const half = await runTask([
      "compress",
      ...MODEL,
      "--prompt-file",
      path("p.txt"),
      "--question-file",
      path("q.txt"),
      "--policy",
      "streaming_llm",
      "--compression-ratio",
      "0.5",
      "--json",
    ]);
    const { kept, live_bytes, full_bytes, ids } = JSON.parse(half.stdout);
    const count = Math.floor(golden.ids.length / 2);
    assertEquals([kept.length, kept[0].length, kept[0][0].length], [3, 2, count]);
    assertEquals(kept[2][1].slice(0, 5), [0, 1, 2, 3, golden.ids.length - count + 4]);
    assertEquals([live_bytes, full_bytes, ids.length], [
      count * 3 * 2 * 16 * 2 * 4,
      golden.ids.length * 3 * 2 * 16 * 2 * 4,
      16,
    ]);
  });
});

Deno.test("generate: streams a text, or prints JSON alone; either question flag", async () => {
  await withFiles({ "p.txt": "The river runs slowly past the old mill. ", "q.txt": "What runs?" }, async (path) => {
    const flags = [
      ...MODEL,
      "--prompt-file",
      path("p.txt"),
      "--policy",
      "hybrid",
      "--window-size",
      "3",
      "--topk",
      "2",
      "--max-new-tokens",
      "6",
    ];
    const json = await runTask(["generate", ...flags, "--question", "What runs?", "--json"]);
    const { text, ids, prompt_tokens, live_bytes, full_bytes } = JSON.parse(json.stdout);
    assert(ids.length <= 6 && live_bytes < full_bytes && prompt_tokens > 16);
    const streamed = await runTask(["generate", ...flags, "--question-file", path("q.txt")]);
    assertEquals(streamed.stdout.trimEnd(), text.trimEnd());
    assertMatch(streamed.stderr, /hybrid kept \d+ of \d+ bytes/);
  });
});

Deno.test("compress with a threshold: the ratio that came out is told, and a threshold above every score is refused", async () => {
  await withFiles({ "river.txt": "The river is deep and the bank is high. ".repeat(24) }, async (path) => {
    const asked = ["compress", "--model", "tiny", "--prompt-file", path("river.txt"), "--json"];
    const { stdout } = await runTask([...asked, "--policy", "threshold(keydiff, threshold=-0.5)"]);
    const { achieved_ratio, compression_ratio, kept, tokens } = JSON.parse(stdout);
    const heads: number[][] = kept.flat();
    const rows = heads.reduce((sum, { length }) => sum + length, 0);
    assertEquals(compression_ratio, 0);
    assertAlmostEquals(achieved_ratio, 1 - rows / (heads.length * tokens.length), 1e-12);
    assert(achieved_ratio > 0 && heads.every((own) => own.length >= 128));
    const refused = await runTask([...asked, "--policy", "threshold(keydiff, threshold=3)"]);
    assertEquals(refused.code, 2);
    assertMatch(refused.stderr, /error: Cannot evict by threshold 3 of threshold\(keydiff\) .* give at most that\n$/);
  });
});

Deno.test("generate --cache-dtype: the prompt's rows in fewer bits, in memory and in the answer's JSON", async () => {
  const golden = readGolden("qwen2_untied_f32");
  await withFiles({ "p.txt": golden.text }, async (path) => {
    const flags = ["--prompt-file", path("p.txt"), "--question", "What runs?", "--max-new-tokens", "4", "--json"];
    const rows = ["--cache-dtype", "int8/int4", "--residual-length", "10"];
    const { stdout, stderr, code } = await runTask(["generate", ...MODEL, ...flags, ...rows]);
    assertEquals(code, 0, stderr);
    const { cache_dtype: named, live_bytes, prompt_tokens } = JSON.parse(stdout);
    // 16 numbers a vector: int8 takes 20 bytes, int4 16, float32 64; 3 layers of 2 heads.
    assertEquals([named, live_bytes], ["int8/int4", 6 * ((prompt_tokens - 10) * 36 + 10 * 128)]);
    const compressed = await runTask([
      ...["compress", ...MODEL, "--prompt-file", path("p.txt"), "--policy", "tova", "--compression-ratio", "0.5"],
      ...[...rows, "--json"],
    ]);
    const { usage, live_bytes: half } = JSON.parse(compressed.stdout);
    assertEquals(usage[0].dtype, "int8/int4");
    assert(half < 0.6 * live_bytes, `${half} of ${live_bytes}`);
  });
});

Deno.test("generate --draft lookup: the same answer, in text and tokens", async () => {
  const text = "The mill stands by the river. Sam's dog is called Biscuit. ".repeat(6);
  await withFiles({ "p.txt": text }, async (path) => {
    const asked = [
      "generate",
      ...MODEL,
      "--prompt-file",
      path("p.txt"),
      "--question",
      "Who?",
      "--max-new-tokens",
      "40",
    ];
    const evicting = [...asked, "--policy", "snapkv", "--compression-ratio", "0.5", "--json"];
    const [plain, drafted] = [await runTask(evicting), await runTask([...evicting, "--draft", "lookup"])];
    assertEquals([plain.code, drafted.code], [0, 0], drafted.stderr);
    assertEquals(JSON.parse(drafted.stdout), JSON.parse(plain.stdout));
  });
});

Deno.test("generate --max-cache: a text past the context in a cache of that size; a notice where positions are logical", async () => {
  await withFiles({ "long.txt": "The river runs slowly past the old mill in spring. ".repeat(120) }, async (path) => {
    const flags = [
      "generate",
      ...MODEL,
      "--prompt-file",
      path("long.txt"),
      "--policy",
      "h2o(decay=0.9)",
      "--compression-interval",
      "16",
    ];
    const size = ["--max-cache", "48KB", "--max-new-tokens", "20", "--json"];
    for (const positions of ["compact", "logical"]) {
      const { code, stdout, stderr } = await runTask([...flags, ...size, "--positions", positions]);
      assertEquals(code, 0, stderr);
      const { prompt_tokens, live_bytes, ids } = JSON.parse(stdout);
      assert(prompt_tokens > 1024 && ids.length >= 1);
      // A row in every head takes 768 bytes: 62 fit, and up to 15 more wait for the next eviction.
      assert(live_bytes >= 62 * 768 && live_bytes < 78 * 768, `${live_bytes} live bytes`);
      assertEquals(/trained on, with logical positions/.test(stderr), positions === "logical", stderr);
    }
  });
});

Deno.test("trace and replay: both formats say the same", async () => {
  await withFiles({ "p.txt": readGolden("qwen2_untied_f32").text }, async (path) => {
    for (const output of ["t.json", "t.kvtrace"]) {
      const { code, stderr } = await runTask([
        "trace",
        ...MODEL,
        "--prompt-file",
        path("p.txt"),
        "--max-new-tokens",
        "4",
        "--output",
        path(output),
      ]);
      assertEquals(code, 0, stderr);
    }
    const summary = JSON.parse(await Deno.readTextFile(path("t.json")));
    assertEquals(Object.keys(summary), [
      "model_name",
      "prompt_token_count",
      "generated_token_count",
      "bytes_per_token",
      "token_traces",
    ]);
    assertEquals(summary.bytes_per_token, 2 * 3 * 2 * 16 * 2);
    for (const policy of ["keep_all", "recent_window", "heavy_hitter", "hybrid"]) {
      const results = await Promise.all(
        ["t.json", "t.kvtrace"].map((name) => runTask(["replay", "--trace", path(name), "--policy", policy, "--json"])),
      );
      assertEquals(results[0].stdout, results[1].stdout);
      assertEquals(JSON.parse(results[0].stdout).policy, policy);
    }
    const best = await runTask([
      "replay",
      "--trace",
      path("t.kvtrace"),
      "--policy",
      "oracle",
      "--compression-ratio",
      "0.5",
      "--json",
    ]);
    const { stats } = JSON.parse(best.stdout);
    assertEquals(
      stats.heavy_hitter_recall,
      Math.min(1, stats.kept_tokens / Math.min(96, summary.prompt_token_count)),
    );
    await Deno.writeTextFile(path("old.kvtrace"), "KVMTRACE\u0007\0\0\0\0\0\0\0");
    const { code, stderr } = await runTask(["replay", "--trace", path("old.kvtrace")]);
    assertEquals(code, 2);
    assertMatch(stderr, /version 7: this program reads version 1/);
  });
});

Deno.test("what is wrong is one line on stderr, with exit 2 for a usage error and 1 for anything else", async () => {
  await withFiles({
    "p.txt": "A text.",
    "empty.txt": "",
    "bytes.txt": Uint8Array.of(0xff, 0xfe),
    "cut.gguf": "GGUF",
    "long.txt": "river ".repeat(3000),
  }, async (path) => {
    const prompt = ["--prompt-file", path("p.txt")];
    const wrong: [string[], number, RegExp][] = [
      [
        ["compress", ...MODEL, ...prompt, "--policy", "hybrid"],
        2,
        /hybrid without a budget, as nothing would be evicted/,
      ],
      [
        ["compress", ...MODEL, ...prompt, "--compression-ratio", "0.5"],
        2,
        /by keep_all as it evicts nothing: give --policy/,
      ],
      [
        ["compress", ...MODEL, ...prompt, "--policy", "simlayerkv", "--compression-ratio", "0.5"],
        2,
        /with simlayerkv as it sets itself how much stays: leave it out/,
      ],
      [
        ["compress", ...MODEL, "--prompt-file", path("long.txt"), "--policy", "snapkv(windowSize=32)"],
        2,
        /without a budget, as nothing would be evicted/,
      ],
      [["compress", ...MODEL, ...prompt, "--positions", "compact"], 2, /--positions where none is evicted/],
      [
        ["generate", ...MODEL, ...prompt, "--question", "What", "is", "it?"],
        2,
        /the word is as generate takes flags only/,
      ],
      [["generate", ...MODEL, ...prompt, "--json=maybe"], 2, /Cannot use --json=maybe as it takes no value/],
      [["chat", ...MODEL, "--policy", "tova"], 2, /as nothing is evicted: give --max-cache/],
      [["generate", ...MODEL, "--prompt-file", "/dev/zero"], 2, /\/dev\/zero as it has more than 268435456 bytes/],
      [["generate", ...MODEL, "--prompt-file", path(".")], 2, /Cannot read .* as it is a folder: name a file/],
      [["compress", ...MODEL, ...prompt, "--policy", "hybird"], 2, /did you mean hybrid/],
      [["compress", ...MODEL, ...prompt, "--compression-ratio", "1.2"], 2, /ratio 1.2 as it must be in \[0, 1\)/],
      [["compress", ...MODEL, ...prompt, "--policy", "hybrid", "--window-size", "-1"], 2, /--window-size -1/],
      [
        ["compress", ...MODEL, ...prompt, "--policy", "hybrid", "--topk", "3", "--compression-ratio", "0.5"],
        2,
        /leave out one/,
      ],
      [["compress", ...MODEL, "--prompt-file", path("empty.txt")], 2, /empty/],
      [["compress", ...MODEL, "--prompt-file", path("none.txt")], 2, /no such file/],
      [["compress", ...MODEL, "--prompt-file", path("bytes.txt")], 2, /line 1 is no UTF-8: save it in UTF-8/],
      [["compress", ...MODEL], 2, /--prompt-file/],
      [["generate", ...MODEL, ...prompt, "--positions", "compakt"], 2, /logical or compact/],
      [["generate", ...MODEL, ...prompt, "--policy", "tova", "--max-cache", "8 parsecs"], 2, /8MB or 512KiB/],
      [
        ["generate", ...MODEL, ...prompt, "--policy", "tova", "--max-cache", "8MB", "--compression-interval", "0"],
        2,
        /--compression-interval 0/,
      ],
      [["generate", ...MODEL, ...prompt, ...EVICT, "--compression-interval", "8"], 2, /give --max-cache/],
      [["generate", ...MODEL, ...prompt, "--max-cache", "8MB"], 2, /give --policy/],
      [["generate", ...MODEL, ...prompt, "--cache-dtype", "int3"], 2, /int3 is none of f32, f16, int8, int4/],
      [["generate", ...MODEL, ...prompt, "--residual-length", "9"], 2, /give --cache-dtype int8 as well/],
      [
        ["generate", ...MODEL, ...prompt, "--cache-dtype", "int8", "--positions", "compact", ...EVICT],
        2,
        /hold rows as f32\/int8/,
      ],
      [
        ["generate", ...MODEL, ...prompt, "--policy", "tova", "--max-cache", "8MB", "--compression-ratio", "0.5"],
        2,
        /leave out one/,
      ],
      [
        ["generate", ...MODEL, ...prompt, "--policy", "tova", "--max-cache", "700"],
        2,
        /one row a head takes up to 768/,
      ],
      [["generate", ...MODEL, ...prompt, "--policy", "kvzip", "--max-cache", "8MB"], 1, /kvzip as it needs/],
      [["generate", ...MODEL, ...prompt, "--draft", "magic"], 2, /the ways are: lookup/],
      [
        ["generate", ...MODEL, ...prompt, "--draft", "lookup", "--cache-dtype", "int8"],
        2,
        /Cannot draft beside --cache-dtype/,
      ],
      [
        ["generate", ...MODEL, ...prompt, "--draft", "lookup", "--max-cache", "1MB", "--policy", "tova"],
        2,
        /Cannot draft beside --policy tova/,
      ],
      [["generate", ...prompt, "--model", "smollm3"], 2, /did you mean smollm2-135m/],
      [["generate", ...prompt, "--model", path("none.gguf")], 2, /no such file/],
      [["generate", ...prompt, "--model", path("cut.gguf")], 2, /cut\.gguf/],
      [["generate", ...prompt, "--weights", "int2"], 2, /f32, int8, int4/],
      [["generate", ...MODEL, "--prompt-file", path("long.txt")], 2, /context is 1024/],
      [["trace", ...MODEL, ...prompt], 2, /--output/],
      [
        ["compress", ...MODEL, ...prompt, "--policy", "oracle", "--compression-ratio", "0.5"],
        2,
        /oracle.*still to come/,
      ],
      [
        ["generate", ...MODEL, ...prompt, "--policy", "attention_probe", "--compression-ratio", "0.5"],
        2,
        /Cannot use attention_probe as nothing is fitted.*fit_probe/,
      ],
      [["compress", ...MODEL, ...prompt, "--policy", "adakv("], 2, /adakv\(".*write it like/],
      [["compress", ...MODEL, ...prompt, "--policy", "adakv(hybrid)"], 2, /Cannot wrap hybrid in adakv/],
      [["compress", ...MODEL, ...prompt, "--policy", "knorm(sinks=2)"], 2, /Cannot set sinks on policy knorm/],
      [["fit_probe", "--policy", "kvzipp"], 2, /Cannot set policy to "kvzipp": .*attention_probe, kvzap/],
      [["replay"], 2, /--trace/],
    ];
    for (const [args, exit, message] of wrong) {
      const { code, stdout, stderr } = await runTask(args);
      assertEquals([code, stdout], [exit, ""], `${args.join(" ")}: ${stderr}`);
      const errors = stderr.trimEnd().split("\n").filter((line) => !line.startsWith("model "));
      assertEquals(errors.length, 1, stderr);
      assertMatch(errors[0], message);
    }
  });
});
