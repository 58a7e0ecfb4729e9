import { assert, assertEquals, assertMatch } from "@std/assert";
import { KNOWN_MODELS } from "kvmirror/engine";
import { readGgufMetadata } from "../../lib/engine/checkpoint/gguf/read_gguf.ts";
import { findModel } from "../../lib/engine/sources/resolve_model.ts";
import { openFileSource } from "../../lib/files/byte_source.ts";
import { ggufCacheLayout } from "../../lib/plan/cache_layout.ts";
import { publishedLayout } from "../../lib/plan/published_models.ts";
import { ggufBytes } from "../fixtures/gguf_bytes.ts";
import { serveHub } from "../fixtures/hub_server.ts";
import { runTask, type TaskResult } from "../fixtures/run_task.ts";
import { tinyGguf } from "../fixtures/tiny_gguf.ts";

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const CONFIG = {
  model_type: "gemma3",
  text_config: {
    model_type: "gemma3_text",
    num_hidden_layers: 7,
    hidden_size: 64,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 16,
    sliding_window: 32,
    max_position_embeddings: 1000,
  },
};

/** Runs the task with a cache folder in which there is no model. */
async function plan(args: readonly string[], env: Record<string, string> = {}): Promise<TaskResult> {
  const cache = await Deno.makeTempDir({ prefix: "kvmirror-plan-" });
  try {
    return await runTask(["plan", ...args], { KVMIRROR_CACHE: cache, HF_HUB_CACHE: `${cache}/hub`, ...env });
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
}

Deno.test("plan prints tables for people: each kind of layer, the whole cache, ratios and a budget", async () => {
  const flags = ["--model", "gemma-3n-e4b", "--context", "32768", "--budget", "64MiB", "--batch", "2"];
  const { code, stdout, stderr } = await plan(flags);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^gemma-3n-e4b: gemma3n_text, 35 layers, trained for 32,768 tokens\nfrom https:\/\//);
  assertMatch(stdout, /^sliding window of 512, 2 × \(256 \+ 256\) +16 +131,072 +65,536 /m);
  assertMatch(stdout, /^32,768 tokens × 2 sequences +layers +rows a head +f32 +f16 +int8 +int4$/m);
  assertMatch(stdout, /^full attention, 2 × \(256 \+ 256\) +4 +32,768 +1\.0 GiB +512\.0 MiB /m);
  assertMatch(stdout, /^shared rows +15 +0 B +0 B +0 B +0 B$/m);
  assertMatch(stdout, /^0\.7500 +320\.0 MiB +160\.0 MiB /m);
  // 64 MiB less the 32 MiB of windows, at 2 · 4 · 2 · 512 · 2 bytes a token.
  assertMatch(stdout, /^most tokens in 64\.0 MiB × 2 sequences, by compression ratio .*\n0 +(0|\d+) +2,048 /m);
  assertMatch(stdout, /\n- Layers of shared rows read an earlier layer's rows and keep none\.\n$/);
});

Deno.test("plan --json: the plan alone on stdout; a context past the trained one is a notice", async () => {
  const { code, stdout, stderr } = await plan(["--model", "qwen2.5-0.5b", "--context", "40000", "--json"]);
  assertEquals(code, 0);
  assertEquals(stderr, "note: qwen2.5-0.5b was trained for 32,768 tokens, 40,000 are more\n");
  const { model, model_type, trained_context, sizes, budget, longest_contexts } = JSON.parse(stdout);
  assertEquals([model, model_type, trained_context, budget, longest_contexts], [
    "qwen2.5-0.5b",
    "qwen2",
    32_768,
    null,
    [],
  ]);
  assertEquals(sizes[0].bytes.f16, 40_000 * 12_288);
});

Deno.test("plan reads a folder, a config.json and a GGUF file, whatever its tensors are", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeFile(`${folder}/config.json`, encode(CONFIG));
    // Type 19 has no reader here: of a GGUF the metadata alone count.
    const unread = { extents: [256], type: 19, data: new Uint8Array(50) };
    await Deno.writeFile(`${folder}/a.gguf`, ggufBytes(tinyGguf("llama", { tensors: { "x.weight": unread } })));
    const size = async (path: string) => {
      const { stdout, stderr } = await plan(["--model", path, "--context", "100", "--json"]);
      assertEquals(stderr, path.endsWith(".gguf") ? `note: ${path} was trained for 64 tokens, 100 are more\n` : "");
      return JSON.parse(stdout).sizes[0].bytes.f16;
    };
    const gemma = 2 * 32 * 2 * (100 + 6 * 32);
    assertEquals(await size(folder), gemma);
    assertEquals(await size(`${folder}/config.json`), gemma);
    assertEquals(await size(`${folder}/a.gguf`), 100 * 8 * 2);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("plan hub:OWNER/NAME fetches config.json and nothing else, and keeps nothing", async () => {
  await using hub = serveHub("o/n", { "config.json": encode(CONFIG), "model.safetensors": new Uint8Array(9) });
  const env = { HF_ENDPOINT: hub.endpoint, HF_TOKEN: "secret" };
  const { code, stdout, stderr } = await plan(["--model", "hub:o/n", "--context", "10", "--json"], env);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(JSON.parse(stdout).source, "the model hub (o/n/config.json)");
  assertEquals(JSON.parse(stdout).sizes[0].bytes.f16, 7 * 10 * 2 * 32 * 2);
  assert(hub.requests.every(({ path }) => path.endsWith("config.json")));
  hub.fault = "404";
  const missing = await plan(["--model", "hub:o/n", "--context", "10"], env);
  assertEquals([missing.code, missing.stdout], [1, ""]);
  assertMatch(missing.stderr, /^error: Cannot fetch o\/n\/config\.json as the hub has no such file: .*\n$/);
  const offline = await plan(["--model", "hub:o/n", "--context", "10"], { ...env, HF_HUB_OFFLINE: "1" });
  assertMatch(offline.stderr, /^error: Cannot fetch o\/n\/config\.json as HF_HUB_OFFLINE is set: .*\n$/);
});

Deno.test("the published sizes of models that go by name are those of the files on this machine", () => {
  const here = KNOWN_MODELS.flatMap((model) => findModel(model) ?? []).filter(({ path }) => path.endsWith(".gguf"));
  if (here.length === 0) console.log("skipped: no GGUF of a known model is on this machine");
  for (const { name, path } of here) {
    using source = openFileSource(path);
    assertEquals(ggufCacheLayout(readGgufMetadata(source)).layers, publishedLayout(name).layers, name);
  }
});

Deno.test("the sample of docs/models.md is what the task prints", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/models.md", import.meta.url));
  const [, command, printed] = page.match(/^\$ deno task plan (.*)\n([^]*?)\n```$/m)!;
  const { stdout } = await plan(command.split(" "));
  assertEquals(stdout.split("\n\n- ")[0], printed);
});

const MODEL = ["--model", "tiny"];
const mistakes: readonly [string[], number, RegExp][] = [
  [[], 2, /^error: Cannot plan without --model: give a path, hub:OWNER\/NAME or a name, such as gemma-3-4b\n$/],
  [MODEL, 2, /^error: Cannot plan without --context: give the tokens of your text, such as 32768\n$/],
  [
    [...MODEL, "--context", "0"],
    2,
    /^error: Cannot plan for a context of 0 tokens as it must be a whole number from 1 .*\n$/,
  ],
  [[...MODEL, "--context", "-4"], 2, /^error: Cannot plan for a context of -4 tokens .*\n$/],
  [[...MODEL, "--context", "1e3.5"], 2, /^error: Cannot use --context 1e3\.5 as it must be a number\n$/],
  [[...MODEL, "--context", "9", "--batch", "0"], 2, /^error: Cannot plan for a batch of 0 sequences .*\n$/],
  [
    [...MODEL, "--context", "9", "--budget", "2 cats"],
    2,
    /^error: Cannot use --budget 2 cats as it must be a size .*\n$/,
  ],
  [
    [...MODEL, "--ctx", "9"],
    2,
    /^error: Cannot use --ctx as it is not a flag of this task: the flags are --model, .*\n$/,
  ],
  [["tiny", ...MODEL, "--context", "9"], 2, /^error: Cannot use the word tiny as plan takes flags only: .*\n$/],
  [
    ["--model", "gema-3-4b", "--context", "9"],
    2,
    /^error: Cannot find .*: did you mean gemma-3-4b\? The models are .*\n$/,
  ],
  [
    ["--model", "no/where", "--context", "9"],
    2,
    /^error: Cannot open no\/where as there is no such file or folder: .*\n$/,
  ],
  [["--model", "docs", "--context", "9"], 2, /^error: Cannot read docs as the folder has no config\.json: .*\n$/],
  [["--model", "README.md", "--context", "9"], 2, /^error: Cannot read GGUF as the file begins with "# KV"\n$/],
  [
    ["--model", "deno.json", "--context", "9"],
    2,
    /^error: Cannot plan a cache as config\.json's model_type is absent: .*\n$/,
  ],
  [["--model", "hub:o", "--context", "9"], 2, /^error: Cannot take the model "hub:o" from the hub as .*\n$/],
  [
    ["--model", "hub:o/n/x.gguf", "--context", "9"],
    2,
    /^error: Cannot read hub:o\/n\/x\.gguf as it is not on this .*\n$/,
  ],
];

for (const [args, code, message] of mistakes) {
  Deno.test(`plan ${args.join(" ")}: one line, exit ${code}`, async () => {
    const result = await plan(args);
    assertMatch(result.stderr, message);
    assertEquals([result.code, result.stdout], [code, ""]);
  });
}
