import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DEFAULT_RECORDINGS, type KvCache, loadModel } from "kvmirror/engine";
import { recallPrompt } from "kvmirror/eval";
import { policy } from "kvmirror/policies";
import { snapshot } from "../../fixtures/synthetic_cache.ts";

const model = await loadModel("tiny", { weights: "f32" });
const text = recallPrompt((piece) => model.tokenizer.encode(piece).length, { length: 300, seed: 3 }).text;
const ids = model.tokenizer.encode(text);
const OBSERVING = ["kvzip", "kvzip_plus", "criticalkv(knorm)", "attention_probe", "qfilter"];

async function readIn(chunks: number): Promise<KvCache> {
  const cache = model.createCache(DEFAULT_RECORDINGS);
  const size = Math.ceil(ids.length / chunks);
  for (let start = 0; start < ids.length; start += size) {
    await model.read(cache, ids.slice(start, start + size), { logitsOf: "none" });
  }
  return cache;
}

function moments(cache: KvCache): Float64Array[] {
  return cache.layers().flatMap(({ heads }) => heads.map((head) => Float64Array.from(head.signal("queryMoments"))));
}

function observed(cache: KvCache, signal: "reconstruction" | "outputNorm1"): number[][] {
  return cache.layers().flatMap(({ heads }) => heads.map((head) => [...head.signal(signal)]));
}

Deno.test("moments of the queries are the same however the text is cut up", async () => {
  using whole = await readIn(1);
  using parts = await readIn(9);
  const [expected, actual] = [moments(whole), moments(parts)];
  let largest = 0;
  expected.forEach((head, index) =>
    head.forEach((value, place) => {
      largest = Math.max(largest, Math.abs(value - actual[index][place]) / Math.max(1, Math.abs(value)));
    })
  );
  console.error(`  largest difference ${largest.toExponential(1)}`);
  assert(largest < 1e-3);
  assert(expected.some((head) => head.some((value) => Math.abs(value) > 1)), "moments are not all next to nothing");
});

Deno.test("a look changes nothing but what it notes, and a second look notes the same", async () => {
  using cache = await readIn(2);
  const before = snapshot(cache);
  for (const name of OBSERVING) {
    await cache.observe(policy(name));
    assertEquals(snapshot(cache), before, name);
  }
  using again = await readIn(2);
  await again.observe(policy("kvzip"));
  const [one, other] = [observed(cache, "reconstruction"), observed(again, "reconstruction")];
  one.forEach((head, index) => head.forEach((value, row) => assertAlmostEquals(value, other[index][row], 1e-6)));
});

Deno.test("forks share what was noted, evictions keep it with its rows, and new rows end it", async () => {
  using cache = await readIn(1);
  await cache.observe(policy("criticalkv(knorm)"));
  using fork = cache.fork();
  assertEquals(observed(fork, "outputNorm1"), observed(cache, "outputNorm1"));
  fork.compress(policy("random"), { compressionRatio: 0.5 });
  const kept = fork.layers().flatMap(({ heads }) => heads.map(({ positions }) => [...positions]));
  const noted = observed(cache, "outputNorm1");
  assertEquals(observed(fork, "outputNorm1"), kept.map((rows, head) => rows.map((row) => noted[head][row])));
  await model.read(fork, [5], { logitsOf: "none" });
  assertThrows(
    () => fork.compress(policy("criticalkv(knorm)"), { compressionRatio: 0.5 }),
    TypeError,
    'call "await cache.observe(policy)" first',
  );
  assertEquals(observed(cache, "outputNorm1"), noted);
});

Deno.test("a look that is ended notes nothing", async () => {
  using cache = await readIn(1);
  const ended = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => cache.observe(policy("kvzip"), { signal: ended }), Error, "enough");
  assertThrows(() => cache.compress(policy("kvzip"), { compressionRatio: 0.5 }), TypeError, "needs reconstruction");
  await cache.observe(policy("kvzip"));
  cache.compress(policy("kvzip"), { compressionRatio: 0.5 });
});

Deno.test.afterAll(() => model[Symbol.asyncDispose]());
