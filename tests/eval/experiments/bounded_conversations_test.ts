import { assert, assertEquals, assertRejects } from "@std/assert";
import { loadModel } from "kvmirror/engine";
import { boundedConversations, type ConversationTurn, policyChoice } from "kvmirror/eval";
import { policy } from "kvmirror/policies";

const CONVERSATION: readonly ConversationTurn[] = [
  { says: "The special number for whale is 4711." },
  { says: "The rain fell in torrents, except at occasional intervals, when it was checked by a violent gust of wind." },
  { says: "What is the special number for whale?", answer: "4711" },
];

Deno.test("a conversation is held once with all rows, then under each bound, and stays within its bytes", async () => {
  await using model = await loadModel("tiny");
  const bounds = [0.5, 0.9].map((share) => ({ policy: policy("streaming_llm"), share }));
  const done: string[] = [];
  const onProgress = (count: number, total: number) => done.push(`${count}/${total}`);
  const samples = await boundedConversations(model, [CONVERSATION, CONVERSATION], bounds, {
    maxNewTokens: 8,
    onProgress,
  });
  assertEquals(
    samples.map((
      { policy, compression_ratio, context, index },
    ) => [policy, Math.round(10 * compression_ratio) / 10, context, index]),
    [
      ["keep_all", 0, 0, 0],
      ["streaming_llm", 0.5, 0, 0],
      ["streaming_llm", 0.1, 0, 0],
      ["keep_all", 0, 1, 1],
      ["streaming_llm", 0.5, 1, 1],
      ["streaming_llm", 0.1, 1, 1],
    ],
  );
  assertEquals(done.at(-1), "6/6");
  const [full, half] = samples;
  for (const { score, prediction } of samples) assertEquals(score, Number(prediction.includes("4711")), prediction);
  assert(half.live_bytes <= 0.5 * full.live_bytes, `${half.live_bytes} of ${full.live_bytes}`);
  assertEquals(samples[3].prediction, full.prediction);
  const [{ policy: only, n }] = policyChoice(samples, 0.5, ["streaming_llm"]);
  assertEquals([only, n], ["streaming_llm", 2]);
});

Deno.test("a share that is none, and a policy that looks twice, are refused", async () => {
  await using model = await loadModel("tiny");
  const held = (name: string, share: number) =>
    boundedConversations(model, [CONVERSATION], [{ policy: policy(name), share }], { maxNewTokens: 4 });
  await assertRejects(() => held("tova", 1), RangeError, "in 1 of its bytes as the share must be in (0, 1)");
  await assertRejects(() => held("kvzip", 0.5), TypeError, "Cannot chat with kvzip as it needs reconstruction");
});
