import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { simulate, syntheticSequence } from "kvmirror";
import { cacheUsage, loadModel } from "kvmirror/engine";
import { evaluate, parseDatasetRows, parseSetting, policyChoice, settingComparisons } from "kvmirror/eval";
import { type Choice, definePolicy, type Policy, policy } from "kvmirror/policies";
import { DISPLAY, type Displayable, type DisplayBundle } from "kvmirror/report";
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

Deno.test("a choice, an account, a setting, a simulation and comparisons show themselves, and are their data", () => {
  const cache = syntheticCache(10);
  const knorm = policy("knorm");
  const chosen: Choice[] = [];
  const watched: Policy = {
    ...knorm,
    choose: (layers, budget) => {
      chosen.push(knorm.choose(layers, budget));
      return chosen[0];
    },
  };
  cache.compress(watched, { compressionRatio: 0.5 });
  const shownBy = (value: object) => textOf((value as Displayable)[DISPLAY]());
  assertEquals(shownBy(chosen[0]), "Choice of knorm: rows kept 30 of 60 in 6 kv heads, rows a kv head 5, ratio 0.500");

  const usage = cacheUsage(cache);
  assertEquals(
    shownBy(usage),
    "CacheUsage: tokens 10, rows 30 in 6 kv heads, bytes 0.001 MiB live, 0.001 MiB allocated, ratio 0.500",
  );
  assertStringIncludes(String(usage[DISPLAY]()["text/html"]), "layer by layer: 50 %, 50 %");
  assertEquals(structuredClone(usage), usage);
  cache[Symbol.dispose]();

  const inInt8 = parseSetting({ policy: "tova in int8", compression_ratio: 0.75 });
  assertEquals(shownBy(inInt8), "Setting: policy tova, ratio 0.75, dtype int8, the newest 32 rows in f32");
  assertEquals(
    shownBy(parseSetting({ policy: "cut_prompt", compression_ratio: 0.5 })),
    "Setting: policy cut_prompt, ratio 0.5, dtype f32",
  );

  const simulation = simulate(
    syntheticSequence({ sequenceLength: 1024 }),
    policy("hybrid", { windowSize: 192, topk: 96 }),
  );
  assertMatch(shownBy(simulation), /^Simulation of hybrid: tokens 228 of 1,024 kept, bytes .* sink recall 1\.000$/);

  const samples = ["tova", "random"].flatMap((name) =>
    [1, 0].map((score, index) => ({
      ...{
        policy: name,
        compression_ratio: 0.5,
        task: "qa",
        index,
        context: index,
        score: name === "tova" ? 1 : score,
      },
      ...{ kl: [0], agreement: [1], answer_tokens: 1, live_bytes: 1 },
    }))
  );
  assertMatch(
    shownBy(settingComparisons(samples)),
    /tova at ratio 0\.5 1\.00 \(0\.34 to 1\.00\), n = 2, random at ratio 0\.5 0\.50 \(/,
  );
  assertMatch(
    shownBy(policyChoice(samples, 0.5, ["random", "tova"])),
    /^Policies, best first: tova at ratio 0\.5 1\.00 .*, the best with probability 0\.\d\d, random/,
  );
});
