import { assertEquals, assertThrows } from "@std/assert";
import { loadModel, reusePrefix } from "kvmirror/engine";
import { policy } from "kvmirror/policies";
import { snapshot, syntheticCache } from "../../fixtures/synthetic_cache.ts";

Deno.test("only what is not shared is left to read, and a token at least", () => {
  const cache = syntheticCache(10);
  const ids = cache.tokenIds();
  const left = (text: number[]) => {
    const fork = cache.fork();
    return [reusePrefix(fork, text), fork.tokenCount];
  };
  assertEquals(left([...ids, 98, 99]), [[98, 99], 10]);
  assertEquals(left(ids), [[ids[9]], 9]);
  assertEquals(left([...ids.slice(0, 4), 98]), [[98], 4]);
  assertEquals(left([98, 99]), [[98, 99], 0]);
  assertThrows(() => reusePrefix(cache, []), RangeError, "Cannot read an empty text");
});

Deno.test("where rows were evicted, the longest beginning that can be had is taken", () => {
  const cache = syntheticCache(10);
  cache.pin(0, 3);
  cache.compress(policy("streaming_llm"), { rows: 6 });
  const ids = cache.tokenIds();
  const fork = cache.fork();
  assertEquals([reusePrefix(fork, [...ids.slice(0, 8), 98]), fork.tokenCount], [[...ids.slice(4, 8), 98], 4]);
  const compact = cache.fork();
  compact.compress(policy("keep_all"), { compressionRatio: 0, positions: "compact" });
  const before = snapshot(compact);
  assertThrows(() => reusePrefix(compact, [98]), RangeError, "what can still be had is 10");
  assertEquals(snapshot(compact), before);
});

Deno.test("a prompt that changes at its end gives the logits of one that was read whole", async () => {
  await using model = await loadModel("tiny");
  const ids = (question: string) =>
    model.tokenizer.encode(`Sam's dog is called Biscuit. Ann's cat is Felix.\n${question}`);
  const cache = model.createCache();
  await model.read(cache, ids("What is Sam's dog called?"));
  const logits = await model.read(cache, reusePrefix(cache, ids("What is Ann's cat called?")));
  const whole = await model.read(model.createCache(), ids("What is Ann's cat called?"));
  // Read in other pieces, numbers are added up in another order.
  const most = logits.reduce((most, value, index) => Math.max(most, Math.abs(value - whole[index])), 0);
  assertEquals(most < 1e-3, true, `${most}`);
});
