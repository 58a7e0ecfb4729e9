import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { recall, replay, replayRows, topK } from "kvmirror";
import { captureTrace, loadModel } from "kvmirror/engine";
import { factPrompt, originalBenchmark, studyPath } from "kvmirror/eval";
import { policy } from "kvmirror/policies";
import { qwenPath } from "../../fixtures/qwen.ts";

/** What tests/goldens/make_trace_golden.py writes. */
interface TraceGolden {
  readonly text: string;
  readonly ids: number[];
  readonly generated: number[];
  readonly first_step: number[];
  readonly attention: number[];
  readonly replay: Record<string, { rows: number[]; kept_ratio: number; heavy_hitter_recall: number }>;
}

const GOLDEN: TraceGolden = JSON.parse(
  Deno.readTextFileSync(new URL("../../goldens/qwen_trace.json", import.meta.url)),
);

/** Of the trace, relative to each token's attention. */
const TOLERANCE = 1e-2;

const ORIGINAL = [policy("recent_window", { windowSize: 256 }), policy("hybrid", { windowSize: 192, topk: 96 })];

function prompt(): string {
  const { text, facts: [asked] } = factPrompt({ seed: 42, sentences: 42 });
  return `${text}\n\nQuestion: ${asked.question}\nAnswer:`;
}

Deno.test("the prompt is the one that CPython's generator draws", () => assertEquals(prompt(), GOLDEN.text));

Deno.test("the golden trace's replay, of the trace alone, is ours", () => {
  const count = GOLDEN.attention.length;
  const trace = {
    model_name: "golden",
    prompt_token_count: count,
    generated_token_count: GOLDEN.generated.length,
    bytes_per_token: 12_288,
    token_traces: GOLDEN.attention.map((attention_received, index) => ({
      index,
      token_text: "",
      attention_received,
      generated_attention_received: attention_received,
      prompt_role: index < 16 ? "sink" as const : index >= count - 16 ? "recent_context" as const : "content" as const,
    })),
  };
  for (const each of ORIGINAL) {
    const expected = GOLDEN.replay[each.name];
    assertEquals([...replayRows(trace, each)], expected.rows);
    const { stats } = replay(trace, each);
    assertAlmostEquals(stats.kept_ratio, expected.kept_ratio, 1e-12);
    assertAlmostEquals(stats.heavy_hitter_recall, expected.heavy_hitter_recall, 1e-12);
  }
});

Deno.test("the benchmark of a small model: everything kept has every recall, and the numbers are the replay's", async () => {
  await using model = await loadModel("tiny");
  const { policies, ...about } = await originalBenchmark(model, { maxNewTokens: 6 });
  assertEquals(about.expected, factPrompt({ seed: 42, sentences: 42 }).facts[0].answer);
  assertEquals(about.steps, 6);
  const [all, ...others] = policies;
  const { kept_ratio, heavy_hitter_recall, later_recall, fact_recall } = all;
  assertEquals([kept_ratio, heavy_hitter_recall, later_recall, fact_recall], [1, 1, 1, 1]);
  const trace = (await captureTrace(model, prompt(), { maxNewTokens: 6 })).totals.summary();
  const start = (await captureTrace(model, prompt(), { maxNewTokens: 1 })).totals.summary();
  const afterwards = trace.token_traces.map(({ attention_received }, index) =>
    attention_received - start.token_traces[index].attention_received
  );
  for (const [index, each] of ORIGINAL.entries()) {
    const { stats } = replay(trace, each);
    assertEquals(others[index].kept_tokens, stats.kept_tokens);
    assertEquals(others[index].heavy_hitter_recall, stats.heavy_hitter_recall);
    const seen = recall(topK(Float64Array.from(afterwards), 96), replayRows(start, each));
    assertEquals(others[index].later_recall, seen);
  }
});

const qwen = qwenPath();

Deno.test({
  name: "Qwen's trace is PyTorch's to 1e-2, and the original's policies keep the same rows of it",
  ignore: qwen === undefined,
  fn: async () => {
    await using model = await loadModel(qwen!, { weights: "f32" });
    assertEquals(model.tokenizer.encode(GOLDEN.text), GOLDEN.ids);
    const { totals, ids } = await captureTrace(model, GOLDEN.text, { maxNewTokens: GOLDEN.generated.length });
    assertEquals(ids, GOLDEN.generated);
    const trace = totals.summary();
    const attention = trace.token_traces.map(({ attention_received }) => attention_received);
    const difference = Math.max(
      ...attention.map((value, token) => Math.abs(value - GOLDEN.attention[token]) / GOLDEN.attention[token]),
    );
    console.error(
      `  Qwen's trace, ${attention.length} tokens: largest relative difference ${difference.toExponential(1)}`,
    );
    assert(difference < TOLERANCE, `the trace differs by ${difference}`);
    for (const each of ORIGINAL) assertEquals([...replayRows(trace, each)], GOLDEN.replay[each.name].rows);
  },
});

Deno.test("the committed study is of the golden trace's prompt, and its recalls are PyTorch's", () => {
  const study = JSON.parse(Deno.readTextFileSync(studyPath("02_attention_trace")));
  assertEquals(study.prompt_tokens, GOLDEN.ids.length);
  for (const { policy, kept_ratio, heavy_hitter_recall } of study.policies.slice(1)) {
    assertAlmostEquals(kept_ratio, GOLDEN.replay[policy].kept_ratio, 1e-12);
    assertAlmostEquals(heavy_hitter_recall, GOLDEN.replay[policy].heavy_hitter_recall, 1e-12);
  }
});
