import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { loadModel } from "kvmirror/engine";
import { evaluate, parseDatasetRows } from "kvmirror/eval";
import { definePolicy, policy } from "kvmirror/policies";
import { DISPLAY, type DisplayBundle } from "kvmirror/report";
import { syntheticCache } from "../fixtures/synthetic_cache.ts";

const textOf = (bundle: DisplayBundle): string => String(bundle["text/plain"]);

Deno.test("a cache says tokens, rows, bytes and the ratio, and draws what each layer keeps", () => {
  const cache = syntheticCache(10);
  assertEquals(
    textOf(cache[DISPLAY]()),
    "KvCache: tokens 10, rows 60 in 2 layers of 3 kv heads, bytes 0.002 MiB live, 0.002 MiB uncompressed, ratio 0.000, dtype f32",
  );
  cache.compress(policy("knorm"), { compressionRatio: 0.5 });
  assertMatch(textOf(cache[DISPLAY]()), /rows 30 in .* 0\.001 MiB live, 0\.002 MiB uncompressed, ratio 0\.500/);
  const html = String(cache[DISPLAY]()["text/html"]);
  assertStringIncludes(html, 'aria-label="share of rows kept, layer by layer: 50 %, 50 %"');
  cache[Symbol.dispose]();
  assertEquals(textOf(cache[DISPLAY]()), "KvCache: state disposed of");
});

Deno.test("an empty cache, a cache in use, a model and policies show themselves", async () => {
  await using model = await loadModel("tiny");
  using empty = model.createCache();
  assertMatch(textOf(empty[DISPLAY]()), /tokens 0, rows 0 .* ratio 0, as nothing was read/);
  const reading = model.read(empty, model.tokenizer.encode("It was a dark and stormy night."));
  assertMatch(textOf(empty[DISPLAY]()), /^KvCache: tokens \d+/);
  await reading;
  assertMatch(
    textOf(model[DISPLAY]()),
    /^Model tiny: context 4,096 tokens|^Model tiny: context [\d,]+ tokens, rows a token 5 layers of 2 kv heads/,
  );
  const shown = textOf(policy("snapkv")[DISPLAY]!());
  assertMatch(shown, /^Policy snapkv: ranks rows by attention from the last 64 queries/);
  assertMatch(textOf(policy("streaming_llm")[DISPLAY]!()), /^Policy streaming_llm: ranks rows by their positions/);
  const evil = definePolicy({ name: "<img onerror=1>", signals: [], score: () => [] })[DISPLAY]!();
  assert(!String(evil["text/html"]).includes("<img"));
});

Deno.test("an evaluation shows the means of its settings, and is equal to one without its display", async () => {
  await using model = await loadModel("tiny");
  const row = {
    task: "numbers",
    context: "The special number for whale is 4711. The special number for ship is 2305.",
    question: "What is the special number for whale?",
    answer_prefix: "",
    answer: ["4711"],
    max_new_tokens: 8,
  };
  const rows = parseDatasetRows(JSON.stringify(row), "rows.jsonl");
  const evaluation = await evaluate(model, rows, [{ policy: policy("knorm"), compressionRatio: 0.5 }]);
  assertMatch(
    textOf(evaluation[DISPLAY]()),
    /^Evaluation: rows 1 in 1 contexts, tasks numbers, failures 0, keep_all at ratio 0 mean score [01]\.00, knorm at /,
  );
  assertEquals({ ...evaluation }, { samples: evaluation.samples, failures: evaluation.failures } as typeof evaluation);
});
