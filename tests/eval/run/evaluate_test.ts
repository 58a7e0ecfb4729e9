import { assert, assertEquals, assertRejects } from "@std/assert";
import { evaluate, parseSetting, type Sample, type SampleStore, type Setting } from "kvmirror/eval";
import { definePolicy, keepAll, type Policy, policy } from "kvmirror/policies";
import { mean } from "../../../lib/numeric/mean.ts";
import { evaluationGolden } from "../../fixtures/evaluation_golden.ts";
import { openCheckpoint } from "../../fixtures/golden.ts";

const { rows, answers } = evaluationGolden();
const STREAMING: Setting = { policy: policy("streaming_llm"), compressionRatio: 0.5 };

function memory(): SampleStore & { readonly samples: Map<string, Sample> } {
  const samples = new Map<string, Sample>();
  return { samples, read: (key) => samples.get(key), write: (key, sample) => void samples.set(key, sample) };
}

Deno.test("answers are kvpress's, of the full cache and of one that its StreamingLLM cut to half", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  const { samples, failures } = await evaluate(model, rows, [STREAMING]);
  assertEquals(failures, []);
  const said = (name: string) => samples.filter((sample) => sample.policy === name).map(({ prediction }) => prediction);
  assertEquals(said("keep_all"), answers.keep_all);
  assertEquals(said("streaming_llm"), answers.streaming_llm);
});

Deno.test("an eviction of nothing is the full cache: no divergence, the same tokens", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  const { samples } = await evaluate(model, rows.slice(0, 1), [
    { policy: keepAll(), compressionRatio: 0.5 },
    STREAMING,
  ]);
  const [full, all, streaming] = samples;
  assertEquals([full.kl.length, full.agreement.length], [full.answer_tokens, full.answer_tokens]);
  for (const sample of [full, all]) {
    assert(sample.kl.every((kl) => kl < 1e-6), String(sample.kl));
    assert(sample.agreement.every((same) => same === 1));
  }
  const perToken = full.live_bytes / full.context_tokens;
  assertEquals(all.live_bytes, full.live_bytes);
  assertEquals(streaming.live_bytes, Math.floor(full.context_tokens / 2) * perToken);
});

Deno.test("kept rows may be quantized: a setting of its own name, fewer bytes, a little divergence", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  const names = [["keep_all in int8 residual 8", 0], ["streaming_llm in int8 residual 8", 0.5]] as const;
  const settings = names.map(([policy, compression_ratio]) => parseSetting({ policy, compression_ratio }));
  const { samples, failures } = await evaluate(model, rows.slice(0, 1), settings);
  assertEquals(failures, []);
  const [full, all, half] = samples;
  assertEquals([all.policy, half.policy], names.map(([policy]) => policy));
  // 16 numbers a vector: 20 bytes a rounded one, 64 another; 3 layers of 2 heads.
  const tokens = full.context_tokens;
  assertEquals(all.live_bytes, 6 * 2 * (20 * (tokens - 8) + 64 * 8));
  assertEquals(half.live_bytes, 6 * 2 * (20 * (Math.floor(tokens / 2) - 8) + 64 * 8));
  assert(all.kl.some((kl) => kl > 0) && all.kl.every((kl) => kl < 0.1), String(all.kl));
});

Deno.test("rows of one context share its prefill, and query-aware ones read the question before the eviction", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  const twice = [rows[0], { ...rows[0], question: "Where is the mill? ", task: "other" }];
  let contexts = 0;
  const counting = new Proxy(model, {
    get: (target, name) => {
      if (name === "createCache") {
        return (...args: Parameters<typeof model.createCache>) => (contexts++, model.createCache(...args));
      }
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const agnostic = await evaluate(counting, twice, []);
  assertEquals([contexts, agnostic.samples.map(({ context }) => context)], [1, [0, 0]]);
  const aware = await evaluate(counting, twice, [], { timing: "aware" });
  assertEquals([contexts, aware.samples.map(({ context }) => context)], [3, [0, 1]]);
  assert(aware.samples[0].context_tokens > agnostic.samples[0].context_tokens);
});

Deno.test("finished samples are taken from the store: a run that ended goes on where it was", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  const whole = await evaluate(model, rows, [STREAMING]);
  const samples = memory();
  const controller = new AbortController();
  const stop = (done: number) => done === 3 ? controller.abort(new Error("interrupted")) : undefined;
  await assertRejects(
    () => evaluate(model, rows, [STREAMING], { samples, signal: controller.signal, onProgress: stop }),
    Error,
    "interrupted",
  );
  assertEquals(samples.samples.size, 3);
  let found = 0;
  const rest = await evaluate(model, rows, [STREAMING], { samples, onProgress: (_, taken) => found = taken });
  assertEquals([found, samples.samples.size], [3, 6]);
  assertEquals(rest, whole);
  const other = await evaluate(model, rows.slice(0, 1), [STREAMING], { samples, positions: "compact" });
  assertEquals([other.samples.length, samples.samples.size], [2, 8]);
});

Deno.test("a policy that fails is reported with its reason, and the others finish", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  const blind: Policy = { name: "blind", signals: [{ attention: "max", queries: 3 }], choose: () => [] };
  const broken = definePolicy({
    name: "broken",
    signals: [],
    score: ({ heads }) => heads.map(({ positions }) => new Float32Array(positions.length).fill(NaN)),
  });
  const doubled: Policy = {
    name: "doubled",
    signals: [],
    choose: (layers) => layers.map(({ heads }) => heads.map(() => ({ rows: Uint32Array.of(1, 1) }))),
  };
  const settings = [blind, broken, doubled, policy("random")].map((own) => ({ policy: own, compressionRatio: 0.5 }));
  const { samples, failures } = await evaluate(model, rows.slice(0, 2), settings);
  assertEquals(samples.map((sample) => sample.policy), ["keep_all", "keep_all", "random", "random"]);
  assertEquals(failures.map((sample) => [sample.policy, sample.index]), [
    ["blind", 0],
    ["broken", 0],
    ["doubled", 0],
    ["blind", 1],
    ["broken", 1],
    ["doubled", 1],
  ]);
  const [first, second, third] = failures.map(({ reason }) => reason);
  assert(first.startsWith("Cannot run policy blind as it needs attention (max over the last 3 queries)"), first);
  assert(second.startsWith("Cannot choose rows as the score of row 0 is NaN: policy broken, layer 0"), second);
  assert(third.startsWith("Cannot keep row 1 after row 1 as rows must ascend: doubled, layer 0"), third);
});

Deno.test("a scorer that is not there is refused before the model runs", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  const store: SampleStore = { read: () => undefined, write: () => assert(false, "a row was answered") };
  await assertRejects(
    () => evaluate(model, [rows[0], { ...rows[1], scorer: "rouge" }], [], { samples: store }),
    RangeError,
    'Cannot find scorer "rouge": did you mean rouge_l?',
  );
});

Deno.test("a context that does not fit fails by itself", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  const long = { ...rows[0], context: rows[0].context.repeat(30) };
  const { samples, failures } = await evaluate(model, [long, rows[1]], []);
  assertEquals(samples.map(({ index }) => index), [1]);
  assert(failures[0].reason.includes("as the model's context is 1024"), failures[0].reason);
});

Deno.test("the oracle keeps what the answer will look at: nearer to the full cache than a random choice", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  const settings: Setting[] = [{ policy: policy("oracle"), compressionRatio: 0.5 }, {
    policy: policy("random"),
    compressionRatio: 0.5,
  }];
  const { samples, failures } = await evaluate(model, rows, settings);
  assertEquals(failures, []);
  const kl = (name: string) => samples.filter((sample) => sample.policy === name).flatMap((sample) => sample.kl);
  assert(mean(kl("oracle")) < mean(kl("random")), `${mean(kl("oracle"))} against ${mean(kl("random"))}`);
});
