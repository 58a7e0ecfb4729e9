let model = "auto";
let profile = "full";
let seed = 42;
;
import assert from "node:assert/strict";
import { attentionShare, findTokens, laterAttention, recall, replay, replayRows, topK } from "kvmirror";
import { captureTrace, loadModel } from "kvmirror/engine";
import { factPrompt } from "kvmirror/eval";
import { policy } from "kvmirror/policies";
import { barChart, bytes, fixed, heatMap, percent, plain, pointChart, provenanceLine } from "kvmirror/report";
import { saveFigure, table, writeSection } from "kvmirror/report";
;
const llm = await loadModel(model);
const { numHiddenLayers, numAttentionHeads, numKeyValueHeads } = llm.config;
table([{ model: llm.origin.label, weights: llm.origin.weights, layers: numHiddenLayers, query_heads: numAttentionHeads,
  kv_heads: numKeyValueHeads }]);
;
const prompt = factPrompt({ seed, sentences: 42 });
const [asked, ...others] = prompt.facts;
const text = `${prompt.text}\n\nQuestion: ${asked.question}\nAnswer:`;
table(prompt.facts.map(({ depth, sentence }) => ({ depth, sentence })), { formats: { depth: percent(0) } });
;
const { totals, text: answer } = await captureTrace(llm, text, { maxNewTokens: 24 });
const trace = totals.summary();
const tokens = trace.prompt_token_count;
table([{ prompt_tokens: tokens, steps: trace.generated_token_count, expected: asked.answer, answer }]);
;
const own = [policy("keep_all"), policy("recent_window", { windowSize: 256 }),
  policy("hybrid", { windowSize: 192, topk: 96 })].map((each) => ({ each, compressionRatio: 0 }));
const hybridRows = replayRows(trace, own[2].each).length;
// The half row keeps rounding from losing one.
const compressionRatio = 1 - (hybridRows + 0.5) / tokens;
const floors = [policy("heavy_hitter"), policy("streaming_llm"), policy("random", { sinkTokens: 16 })]
  .map((each) => ({ each, compressionRatio }));
;
const settings = [...own, ...floors];
const replayed = settings.map(({ each, compressionRatio }) => replay(trace, each, { compressionRatio }))
  .map(({ policy, stats }) => ({ policy, ...stats }));
const replayTable = table(
  replayed.map(({ policy, kept_tokens, kept_ratio, estimated_saved_bytes, heavy_hitter_recall, sink_recall }) =>
    ({ policy, kept_tokens, kept_ratio, estimated_saved_bytes, heavy_hitter_recall, sink_recall })),
  { formats: { kept_ratio: fixed(4), heavy_hitter_recall: fixed(4), sink_recall: fixed(4) } },
);
replayTable;
;
const texts = trace.token_traces.map(({ token_text }) => token_text);
const ofAsked = new Set(findTokens(texts, asked.sentence));
const ofOthers = new Set(others.flatMap(({ sentence }) => findTokens(texts, sentence)));
const kind = (index: number, role: string) => ofAsked.has(index) ? "asked fact" : ofOthers.has(index) ? "other facts"
  : role === "sink" ? "first 16" : role === "recent_context" ? "last 16" : "boilerplate";
const points = trace.token_traces.map(({ index, attention_received, prompt_role }) =>
  ({ position: index, attention: attention_received, token: kind(index, prompt_role) }));
;
const all = points.reduce((sum, { attention }) => sum + attention, 0);
const kinds = ["boilerplate", "first 16", "last 16", "other facts", "asked fact"];
const shareOf = (kind: string) => points.reduce((sum, { token, attention }) => sum + (token === kind ? attention : 0), 0) / all;
const whereChart = await pointChart({
  rows: points.toSorted((one, other) => kinds.indexOf(one.token) - kinds.indexOf(other.token)), series: "token", order: kinds,
  x: { field: "position", title: "position in the prompt, tokens" },
  y: { field: "attention", title: "attention received", scale: "log", values: [0.01, 0.1, 1, 10, 100] },
  title: `The first token takes ${percent(0)(points[0].attention / all)} of all attention to the prompt`,
  subtitle: `${llm.origin.label}, ${plain(tokens)} tokens, ${trace.generated_token_count} steps`,
  description: `Attention by position. Shares: ${kinds.map((kind) => `${kind} ${percent(1)(shareOf(kind))}`).join(", ")}.`,
});
whereChart;
;
table(kinds.map((kind) => ({ tokens_of: kind, tokens: points.filter(({ token }) => token === kind).length,
  share_of_attention: shareOf(kind) })), { formats: { share_of_attention: percent(1) } });
;
const sinkShares = attentionShare(totals.headAttention, tokens, [...Array(16).keys()]);
const factShares = attentionShare(totals.headAttention, tokens, [...ofAsked]);
const heads = Array.from(factShares, (fact, index) => ({ layer: Math.floor(index / numKeyValueHeads),
  kv_head: index % numKeyValueHeads, fact, sinks: sinkShares[index] }));
const best = heads.reduce((most, head) => head.fact > most.fact ? head : most);
;
const factMap = await heatMap({
  rows: heads, x: "layer", y: { field: "kv_head", title: "kv head" },
  value: { field: "fact", title: "share on the asked fact", format: ".0%" },
  title: `${heads.filter(({ fact }) => fact > 0.05).length} of ${heads.length} kv heads give the asked fact more than 5 %`,
  subtitle: `most: layer ${best.layer}, kv head ${best.kv_head}, with ${percent(0)(best.fact)} of its attention`,
  description: `Share of attention on the asked fact by layer and kv head; the most is ${percent(0)(best.fact)}, ` +
    `the mean ${percent(1)(heads.reduce((sum, { fact }) => sum + fact, 0) / heads.length)}.`,
});
factMap;
;
const sinkMap = await heatMap({
  rows: heads, x: "layer", y: { field: "kv_head", title: "kv head" },
  value: { field: "sinks", title: "share on the first 16 tokens", format: ".0%", domain: [0, 1] },
  title: `${heads.filter(({ sinks }) => sinks > 0.5).length} of ${heads.length} kv heads give the first 16 tokens more than half`,
  subtitle: `${llm.origin.label}, ${plain(tokens)} tokens`,
  description: "Share of attention on the first 16 tokens by layer and kv head.",
});
sinkMap;
;
const start = (await captureTrace(llm, text, { maxNewTokens: 1 })).totals.summary();
const later = topK(laterAttention(trace, start), 96);
const foresight = settings.map(({ each, compressionRatio }, index) => {
  const rows = replayRows(start, each, compressionRatio);
  const { policy, kept_tokens, heavy_hitter_recall } = replayed[index];
  return { policy, kept_tokens: rows.length, as_in_the_replay: heavy_hitter_recall, later_recall: recall(later, rows),
    fact_recall: recall(Uint32Array.from(ofAsked), rows) };
});
const shares = { as_in_the_replay: fixed(4), later_recall: fixed(4), fact_recall: fixed(4) };
const laterTable = table(foresight, { formats: shares });
laterTable;
;
const laterChart = await barChart({
  rows: foresight, y: "policy", order: ["keep_all", "recent_window", "heavy_hitter", "hybrid", "random", "streaming_llm"],
  x: { field: "fact_recall", title: "share of the asked fact's tokens kept", domain: [0, 1.05] },
  label: ".2f", title: "What is kept of the fact that the question asks for",
  subtitle: `${llm.origin.label}; rows chosen by the prompt's last query, the question included`,
  description: `Share of the asked fact's tokens kept: ${foresight.map((row) => `${row.policy} ${row.fact_recall.toFixed(2)}`).join(", ")}.`,
});
laterChart;
;
const figures = "../reports/figures";
const section = [
  "## 2. Attention trace: what each policy would have kept of a real model's attention\n",
  await saveFigure(figures, "02_attention_by_position", whereChart),
  await saveFigure(figures, "02_attention_to_fact", factMap),
  await saveFigure(figures, "02_attention_to_sinks", sinkMap),
  await saveFigure(figures, "02_fact_kept", laterChart),
  `The original's second table, on a prompt of ${plain(tokens)} tokens:\n`, replayTable.markdown,
  "Recall is measured by the attention that `hybrid` and `heavy_hitter` rank by. Against attention that came later, and",
  "against the fact that was asked for:\n", laterTable.markdown,
  provenanceLine({ command: `deno task reproduce --profile ${profile} --model ${model}`, seed,
    model: { name: llm.origin.label, weights: llm.origin.weights, hash: llm.hash } }),
];
await writeSection("../reports/benchmark_summary.md", "02_attention_trace", section.join("\n"));
;
await llm[Symbol.asyncDispose]();
;
const [, recent, hybrid] = replayed;
assert(hybrid.heavy_hitter_recall > recent.heavy_hitter_recall && hybrid.heavy_hitter_recall > 0.95);
assert(foresight[2].later_recall < foresight[2].as_in_the_replay);
assert.deepEqual(floors.map((_, index) => replayed[3 + index].kept_tokens), floors.map(() => hybridRows));
;
export {};
