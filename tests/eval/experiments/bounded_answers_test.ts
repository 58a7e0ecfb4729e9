import { assert, assertEquals, assertRejects } from "@std/assert";
import { loadModel } from "kvmirror/engine";
import { boundedAnswers, scoreAnswer, taskRows } from "kvmirror/eval";
import { policy } from "kvmirror/policies";

const ROW = {
  task: "rain",
  context: "The special number for whale is 4711. The rain fell in torrents, except at occasional intervals. ",
  question: "What is the special number for whale?",
  answer_prefix: "",
  answer: ["4711"],
  max_new_tokens: 40,
};

Deno.test("a row is answered once with all rows, then within each share of them, evicting as it is written", async () => {
  await using model = await loadModel("tiny");
  const bounds = ["streaming_llm", "h2o", "globalkv(keydiff)"].map((name) => ({ policy: policy(name), share: 0.6 }));
  const done: string[] = [];
  const samples = await boundedAnswers(model, [ROW, ROW], bounds, {
    compressionInterval: 4,
    onProgress: (count, total) => done.push(`${count}/${total}`),
  });
  assertEquals(
    samples.map(({ policy, compression_ratio, index }) => [policy, compression_ratio, index]),
    [0, 1].flatMap((index) => [
      ["keep_all", 0, index],
      ...bounds.map(({ policy: { name } }) => [name, 0.4, index]),
    ]),
  );
  assertEquals([done[0], done.at(-1)], ["1/8", "8/8"]);
  const [full, ...bounded] = samples.slice(0, 4);
  for (const sample of samples) assertEquals(sample.score, scoreAnswer(sample.prediction, ROW));
  for (const { policy, live_bytes } of bounded) {
    assert(live_bytes <= 0.6 * full.live_bytes, `${policy}: ${live_bytes} of ${full.live_bytes}`);
  }
  assertEquals(samples[4].prediction, full.prediction);
});

Deno.test("with room for everything a bound changes no answer", async () => {
  await using model = await loadModel("tiny", { weights: "f32" });
  const [row] = taskRows(model.tokenizer, "count_steps", { length: 256, samples: 1 });
  const short = { ...row, max_new_tokens: 12 };
  const bounds = [{ policy: policy("streaming_llm"), share: 0.999 }];
  const [full, bounded] = await boundedAnswers(model, [short], bounds, { compressionInterval: 1 });
  assertEquals(bounded.prediction.slice(0, 20), full.prediction.slice(0, 20));
});

Deno.test("a share that is none or too small, and a policy that looks twice, are refused in a line", async () => {
  await using model = await loadModel("tiny");
  const asked = (name: string, share: number) => boundedAnswers(model, [ROW], [{ policy: policy(name), share }]);
  await assertRejects(() => asked("tova", 1), RangeError, "in 1 of the cache's rows as the share must be in (0, 1)");
  await assertRejects(() => asked("tova", 0.01), RangeError, "as 8 are taken between two evictions");
  await assertRejects(
    () => asked("kvzip", 0.5),
    TypeError,
    "Cannot bound a cache with kvzip as it needs reconstruction",
  );
});
