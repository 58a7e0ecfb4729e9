import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type KvCache, loadModel } from "kvmirror/engine";
import { policy } from "kvmirror/policies";
import { canRewind, rewindRanges, withGap } from "../../../../lib/engine/cache/state/rewind.ts";
import { openCheckpoint } from "../../../fixtures/golden.ts";
import { appendSynthetic, SHAPE, signalsOf, snapshot, syntheticCache } from "../../../fixtures/synthetic_cache.ts";

const TEXT = "The river runs slowly past the old mill in spring. Sam's dog is called Biscuit. ";

/** Keeps the rows that `keeps(position, head)` says. */
function evict(cache: KvCache, keeps: (position: number, head: number) => boolean, mode?: "compact" | "logical"): void {
  const choice = cache.layers().map(({ heads }, layer) =>
    heads.map(({ positions }, head) => ({
      rows: Uint32Array.from(positions.keys()).filter((row) => keeps(positions[row], layer * SHAPE.kvHeadCount + head)),
    }))
  );
  cache.keep(choice, mode);
}

Deno.test("a rewind to a mark leaves rows and every signal as if nothing had been read since", async () => {
  const cache = syntheticCache(6);
  await cache.observe({ name: "p", signals: ["outputNorm1", "reconstruction"] });
  cache.mark();
  const before = [snapshot(cache), signalsOf(cache)];
  appendSynthetic(cache, 4, 7);
  cache.mark();
  appendSynthetic(cache, 1, 8);
  cache.rewind(6);
  assertEquals([snapshot(cache), signalsOf(cache)], before);
  assertEquals(cache.marks, [6]);
  const other = syntheticCache(6);
  for (const line of [cache, other]) appendSynthetic(line, 3, 9);
  assertEquals([snapshot(cache), signalsOf(cache)], [snapshot(other), signalsOf(other)]);
  // A mark can be come back to more than once.
  cache.rewind(6);
  assertEquals([snapshot(cache), signalsOf(cache)], before);
});

Deno.test("a rewind keeps room for a few tokens to come, and gives back that of many", () => {
  const cache = syntheticCache(6);
  appendSynthetic(cache, 40, 7);
  const { allocatedBytes } = cache;
  cache.rewind(6);
  assertEquals(cache.allocatedBytes, allocatedBytes);
  appendSynthetic(cache, 300, 7);
  cache.rewind(6);
  assertEquals(cache.allocatedBytes, cache.liveBytes);
});

Deno.test("elsewhere rows are those of then, and policies that need what was added up are refused by name", () => {
  const cache = syntheticCache(6);
  appendSynthetic(cache, 4, 7);
  cache.rewind(8);
  assertEquals([cache.tokenCount, cache.rowCount(1, 2), cache.nextRotaryPosition], [8, 8, 8]);
  assertEquals([...cache.rowPositions(0, 0)], [0, 1, 2, 3, 4, 5, 6, 7]);
  // What later tokens do not change stays known.
  assertEquals(cache.signals, [
    "keys",
    "values",
    "unrotatedKeys",
    "novelty",
    "predictedReconstruction",
    "nonCausalAttention",
  ]);
  for (const name of ["observed_attention", "tova", "expected_attention"]) {
    assertThrows(() => cache.compress(policy(name), { rows: 4 }), TypeError, "rewound to where nothing was marked");
  }
  const fork = cache.fork();
  fork.compress(policy("knorm"), { rows: 4 });
  appendSynthetic(cache, 2, 8);
  // Recordings of the newest queries begin anew with a text; sums over all queries do not.
  cache.compress(policy("tova"), { rows: 4 });
  assertThrows(() => cache.compress(policy("observed_attention"), { rows: 2 }), TypeError, "over all queries");
  assertThrows(() => cache.compress(policy("expected_attention"), { rows: 2 }), TypeError, "queryMoments");
  const fresh = cache.fork();
  fresh.rewind(0);
  appendSynthetic(fresh, 6, 1);
  assertEquals([snapshot(fresh), signalsOf(fresh)], [snapshot(syntheticCache(6)), signalsOf(syntheticCache(6))]);
});

Deno.test("a rewind over text that recorded nothing keeps every signal", async () => {
  await using model = await openCheckpoint("qwen2_tied_bf16_sharded");
  const cache = await model.prefill(TEXT);
  const [before, read] = [[snapshot(cache), signalsOf(cache)], cache.tokenCount];
  await model.read(cache, [5, 6, 7], { attention: "skip" });
  cache.rewind(read);
  assertEquals([snapshot(cache), signalsOf(cache)], before);
});

Deno.test("what is read after a rewind gets the logits of a text that never went there, bit for bit", async () => {
  await using model = await openCheckpoint("qwen2_tied_bf16_sharded");
  for (const mode of ["logical", "compact"] as const) {
    const cache = await model.prefill(TEXT.repeat(3));
    cache.compress(policy("adakv(snapkv)"), { compressionRatio: 0.5, positions: mode });
    cache.mark();
    const other = cache.fork();
    const read = cache.tokenCount;
    await model.generate("What runs?", { cache, maxNewTokens: 8, attention: "record" });
    cache.rewind(read);
    assertEquals([snapshot(cache), signalsOf(cache)], [snapshot(other), signalsOf(other)]);
    const logits: Float32Array[][] = [[], []];
    for (const [index, line] of [cache, other].entries()) {
      const onLogits = (values: Float32Array) => void logits[index].push(values.slice());
      await model.generate("Who is called Biscuit?", { cache: line, maxNewTokens: 6, ignoreEos: true, onLogits });
    }
    assertEquals(logits[0], logits[1]);
  }
});

Deno.test("past an eviction what can still be had is named, and nothing changes", () => {
  const cache = syntheticCache(10);
  evict(cache, (position, head) => position < 4 || position > 5 + head % 2);
  appendSynthetic(cache, 5, 3);
  assertEquals(cache.rewindRanges, [{ first: 0, last: 4 }, { first: 10, last: 15 }]);
  const before = snapshot(cache);
  assertThrows(() => cache.rewind(7), RangeError, "what can still be had is 0 to 4 and 10 to 15");
  for (const position of [-1, 16, 2.5, NaN]) {
    assertThrows(() => cache.rewind(position), RangeError, `Cannot rewind to position ${position} as it must be`);
  }
  assertEquals(snapshot(cache), before);
  const low = cache.fork();
  low.rewind(4);
  assertEquals([low.tokenCount, low.rowCount(0, 0), low.rewindRanges], [4, 4, [{ first: 0, last: 4 }]]);
  cache.rewind(10);
  assertEquals([cache.tokenCount, cache.rowCount(0, 0), cache.rowCount(0, 1)], [10, 8, 7]);
});

Deno.test("turned keys cannot be turned back: from before, nothing can be had", () => {
  const cache = syntheticCache(10);
  evict(cache, (position) => position !== 6, "compact");
  appendSynthetic(cache, 2, 3);
  assertThrows(() => cache.rewind(0), RangeError, "what can still be had is 10 to 12");
  cache.rewind(10);
  assertEquals([cache.rowCount(0, 0), cache.nextRotaryPosition], [9, 9]);
});

Deno.test("gaps: a rewind can be had where no eviction since took a row of before", () => {
  fc.assert(fc.property(
    fc.array(fc.record({ read: fc.nat(6), lowest: fc.integer({ min: -1, max: 20 }) }), { maxLength: 6 }),
    (steps) => {
      let tokens = 0;
      const done: { start: number; end: number }[] = [];
      let gaps: readonly { start: number; end: number }[] = [];
      for (const { read, lowest } of steps) {
        tokens += read;
        const gap = { start: Math.min(lowest, tokens), end: tokens };
        done.push(gap);
        gaps = withGap(gaps, gap);
      }
      const ranges = rewindRanges(gaps, tokens);
      for (let position = 0; position <= tokens; position++) {
        const can = done.every(({ start, end }) => position <= start || position >= end);
        assertEquals(canRewind(gaps, position), can);
        assertEquals(ranges.some(({ first, last }) => first <= position && position <= last), can, `${position}`);
      }
    },
  ));
});

/** One thing that can happen to a cache. */
interface Step {
  readonly action: "append" | "compress" | "evict" | "compact" | "rewind" | "mark" | "pin" | "unpin" | "observe";
  readonly seed: number;
}

const STEP: fc.Arbitrary<Step> = fc.record({
  action: fc.constantFrom("append", "compress", "evict", "compact", "rewind", "mark", "pin", "unpin", "observe"),
  seed: fc.nat(1000),
});

/** Does a step; where the cache refuses it, nothing happens. */
async function apply(cache: KvCache, { action, seed }: Step): Promise<void> {
  const before = [snapshot(cache), signalsOf(cache), cache.marks, cache.pins, cache.rewindRanges];
  try {
    if (action === "append") appendSynthetic(cache, 1 + seed % 3, seed);
    else if (action === "compress") {
      cache.compress(policy(["knorm", "tova", "adakv(knorm)"][seed % 3]), { rows: 1 + seed % 6 });
    } else if (action === "evict") evict(cache, (position, head) => ((seed >> ((head + position) % 10)) & 1) === 0);
    else if (action === "compact") evict(cache, (position) => position % 2 === seed % 2, "compact");
    else if (action === "rewind") cache.rewind(seed % (cache.tokenCount + 1));
    else if (action === "mark") cache.mark();
    else if (action === "observe") await cache.observe({ name: "p", signals: ["outputNorm1"] });
    else cache[action](seed % cache.tokenCount, 1 + Math.min(cache.tokenCount - 1, seed % cache.tokenCount + seed % 3));
  } catch (error) {
    assert(error instanceof RangeError || error instanceof TypeError, `${error}`);
    assertEquals([snapshot(cache), signalsOf(cache), cache.marks, cache.pins, cache.rewindRanges], before);
  }
}

const seen = (cache: KvCache) => [snapshot(cache), signalsOf(cache), cache.marks, cache.pins, cache.rewindRanges];

Deno.test("forks never see each other, whatever is read, evicted, rewound, marked or pinned in whatever order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ on: fc.nat(3), step: fc.option(STEP) }), { maxLength: 20 }),
      async (steps) => {
        const lines = [{ cache: syntheticCache(6), history: [] as Step[] }];
        for (const { on, step } of steps) {
          const line = lines[on % lines.length];
          if (step === null) lines.push({ cache: line.cache.fork(), history: [...line.history] });
          else {
            await apply(line.cache, step);
            line.history.push(step);
          }
        }
        for (const { cache, history } of lines) {
          const alone = syntheticCache(6);
          for (const step of history) await apply(alone, step);
          assertEquals(seen(cache), seen(alone));
        }
      },
    ),
    { numRuns: 150, seed: 7 },
  );
});

Deno.test("a rewind that is granted gives the rows of then, and at a mark its signals, whatever happened between", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { maxLength: 14 }), async (steps) => {
      const cache = syntheticCache(6);
      // How the cache stood each time before it read on, and each time it was marked.
      const stages = new Map<number, unknown>();
      const marks = new Map<number, unknown>();
      for (const step of steps.filter(({ action }) => action !== "rewind")) {
        if (step.action === "append") stages.set(cache.tokenCount, rowsOf(cache));
        if (step.action === "mark") marks.set(cache.tokenCount, signalsOf(cache));
        await apply(cache, step);
      }
      for (const [position, stage] of stages) {
        const can = cache.rewindRanges.some(({ first, last }) => first <= position && position <= last);
        if (!can || position === cache.tokenCount) continue;
        const line = cache.fork();
        line.rewind(position);
        assertEquals(rowsOf(line), stage);
        if (line.marks.includes(position)) assertEquals(signalsOf(line), marks.get(position));
      }
    }),
    { numRuns: 200, seed: 11 },
  );
});

/** Rows without signals. */
function rowsOf(cache: KvCache): unknown {
  const { tokens, mode, next, layers } = snapshot(cache);
  return {
    tokens,
    mode,
    next,
    layers: layers.map((heads) => heads.map(({ positions, keys, values }) => ({ positions, keys, values }))),
  };
}

Deno.test("the embedded model answers after a rewind as it did before", async () => {
  await using model = await loadModel("tiny");
  const cache = await model.prefill("Sam's dog is called Biscuit. Ann's cat is called Felix.\n");
  const read = cache.tokenCount;
  const ask = async (question: string) => (await model.generate(question, { cache, maxNewTokens: 8 })).ids;
  const first = await ask("What is Sam's dog called?");
  cache.rewind(read);
  await ask("What is Ann's cat called?");
  cache.rewind(read);
  assertEquals(await ask("What is Sam's dog called?"), first);
});
