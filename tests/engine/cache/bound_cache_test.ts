import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { type Bound, type KvCache, type Model, recordingsFor } from "kvmirror/engine";
import { definePolicy, type Policy, policy, type Signal } from "kvmirror/policies";
import { signalOf } from "../../../lib/engine/signals/signals.ts";
import { openCheckpoint } from "../../fixtures/golden.ts";
import { watchAppends } from "../../fixtures/watch_appends.ts";

const NAME = "qwen2_untied_f32";
const HEADS = 3 * 2;
/** A row in every head of the checkpoint. */
const TOKEN_BYTES = HEADS * 16 * 2 * 4;
const TEXT = "Farmers bring apples and bread to the market on Saturday. The library keeps old maps in a drawer. ";
const NEWEST: Signal = { attention: "sum", queries: 1 };

/** Notes what the cache holds whenever rows were added, before any of them is evicted. */
function watch(cache: KvCache): { live: number; allocated: number } {
  const most = { live: 0, allocated: 0 };
  watchAppends(cache, ({ liveBytes, allocatedBytes }) => {
    most.live = Math.max(most.live, liveBytes);
    most.allocated = Math.max(most.allocated, allocatedBytes);
  });
  return most;
}

function textIds(model: Model, count: number): number[] {
  return model.tokenizer.encode(TEXT.repeat(1 + Math.ceil(count / 20))).slice(0, count);
}

const rowsOf = (cache: KvCache) => cache.layers().map(({ heads }) => heads.map(({ positions }) => [...positions]));
const columns = (cache: KvCache, signal: Signal) =>
  cache.layers().map(({ heads }) => heads.map((head) => [...head.signal(signal)]));

Deno.test("live and allocated bytes never pass the size and one interval, whatever is read and however", async () => {
  await using model = await openCheckpoint(NAME);
  const names = ["streaming_llm", "tova", "h2o", "snapkv", "knorm", "hybrid", "random"];
  const wrapped = ["adakv(knorm)", "globalkv(h2o)", "chunkkv(snapkv)", "pyramidkv", "protect(observed_attention)"];
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        name: fc.constantFrom(...names, ...wrapped),
        rows: fc.integer({ min: 1, max: 60 }),
        extraBytes: fc.nat(TOKEN_BYTES - 1),
        compressionInterval: fc.integer({ min: 1, max: 40 }),
        chunkLength: fc.integer({ min: 1, max: 50 }),
        reads: fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 6 }),
        positions: fc.constantFrom("logical", "compact"),
      }),
      async ({ name, rows: few, extraBytes, compressionInterval, chunkLength, reads, positions }) => {
        const chosen = policy(name);
        // Whole chunks of 20 rows need room for one.
        const rows = name.startsWith("chunkkv") ? few + 20 : few;
        const size = extraBytes % 2 === 0 ? { rows } : { maxBytes: rows * TOKEN_BYTES + extraBytes };
        const bytes = "rows" in size ? rows * TOKEN_BYTES : size.maxBytes;
        const bound: Bound = { policy: chosen, compressionInterval, positions, ...size };
        const cache = model.createCache(recordingsFor(chosen.signals));
        const most = watch(cache);
        for (const count of reads) {
          await model.read(cache, textIds(model, count), { bound, chunkLength, logitsOf: "none" });
        }
        const read = reads.reduce((sum, count) => sum + count, 0);
        assertEquals(cache.tokenCount, read);
        const ceiling = bytes + compressionInterval * TOKEN_BYTES;
        assert(most.live <= ceiling, `live ${most.live} of ${ceiling}`);
        assert(most.allocated <= ceiling, `allocated ${most.allocated} of ${ceiling}`);
        // The ceiling is used, too: nothing goes before it is due.
        if (read >= rows + compressionInterval && "rows" in size && names.includes(name)) {
          assertEquals(most.live, ceiling);
        }
      },
    ),
    { numRuns: 60, seed: 11 },
  );
});

Deno.test("generating under a bound stays within it, and a fork beside it keeps its rows", async () => {
  await using model = await openCheckpoint(NAME);
  const cache = model.createCache(["all"]);
  await model.read(cache, textIds(model, 50));
  const fork = cache.fork();
  const bound: Bound = { policy: policy("h2o"), compressionInterval: 4, maxBytes: 20 * TOKEN_BYTES };
  const most = watch(cache);
  const counts: number[] = [];
  const onLogits = () => counts.push(cache.longestHead);
  await model.generateFrom([5, 6], { cache, bound, maxNewTokens: 30, ignoreEos: true, onLogits });
  assertEquals(most.live, 24 * TOKEN_BYTES);
  assertEquals(most.allocated, 24 * TOKEN_BYTES);
  // 50 rows are over the bound: they go to 20 before the first of the two tokens is read.
  assertEquals(counts.slice(0, 5), [22, 23, 20, 21, 22]);
  assertEquals([fork.rowCount(0, 0), fork.tokenCount], [50, 50]);
});

/**
 * A paper's loop, written out: after each token the row with the lowest score goes. `score` sees the newest query's
 * attention, `[layer][head][row]`.
 */
async function stepByStep(
  model: Model,
  ids: readonly number[],
  prompt: number,
  size: number,
  choose: (cache: KvCache, attention: number[][][]) => number[][][],
): Promise<number[][][][]> {
  const cache = model.createCache([1]);
  const steps: number[][][][] = [];
  for (let token = 0; token < ids.length; token++) {
    await model.read(cache, [ids[token]]);
    const kept = choose(cache, columns(cache, NEWEST));
    if (token + 1 < prompt || cache.longestHead <= size) continue;
    cache.keep(kept.map((heads) => heads.map((rows) => ({ rows: Uint32Array.from(rows) }))));
    steps.push(rowsOf(cache));
  }
  return steps;
}

async function bounded(model: Model, ids: readonly number[], prompt: number, bound: Bound): Promise<number[][][][]> {
  const cache = model.createCache(recordingsFor(bound.policy.signals));
  await model.read(cache, ids.slice(0, prompt));
  const steps: number[][][][] = [];
  for (const id of ids.slice(prompt)) {
    await model.read(cache, [id], { bound });
    steps.push(rowsOf(cache));
  }
  return steps;
}

Deno.test("tova every token is the paper's: the row that the newest query looks at least goes, in all heads", async () => {
  await using model = await openCheckpoint(NAME);
  const ids = textIds(model, 90);
  const paper = await stepByStep(model, ids, 24, 24, (_, attention) =>
    attention.map((heads) => {
      const rows = heads[0].map((_, row) => row);
      const means = rows.map((row) => heads.reduce((sum, head) => sum + head[row], 0) / heads.length);
      const lowest = rows.slice(0, -1).reduce((low, row) => means[row] < means[low] ? row : low, 0);
      return heads.map(() => rows.filter((row) => row !== lowest));
    }));
  assertEquals(paper.length, 90 - 24);
  assertEquals(await bounded(model, ids, 24, { policy: policy("tova"), rows: 24, compressionInterval: 1 }), paper);
});

Deno.test("h2o every token is the paper's: the older half's lowest accumulated attention goes, head by head", async () => {
  await using model = await openCheckpoint(NAME);
  const ids = textIds(model, 90);
  const received = Array.from({ length: HEADS }, () => new Map<number, number>());
  const paper = await stepByStep(
    model,
    ids,
    24,
    24,
    (cache, attention) =>
      attention.map((heads, layer) =>
        heads.map((head, kvHead) => {
          const sums = received[layer * heads.length + kvHead];
          const positions = cache.rowPositions(layer, kvHead);
          head.forEach((mass, row) => sums.set(positions[row], (sums.get(positions[row]) ?? 0) + mass));
          const older = [...positions.keys()].slice(0, -12);
          const sum = (row: number) => sums.get(positions[row])!;
          const lowest = older.reduce((low, row) => sum(row) < sum(low) ? row : low, 0);
          return [...positions.keys()].filter((row) => row !== lowest);
        })
      ),
  );
  assertEquals(await bounded(model, ids, 24, { policy: policy("h2o"), rows: 24, compressionInterval: 1 }), paper);
});

Deno.test("a decayed sum is the old one times decay to the power of the new queries, and theirs, in any chunks", async () => {
  await using model = await openCheckpoint(NAME);
  const ids = textIds(model, 40);
  const recording = { decay: 0.8 };
  const cache = model.createCache([1, recording]);
  const expected: number[] = [];
  for (const id of ids) {
    await model.read(cache, [id]);
    const newest = columns(cache, NEWEST)[1][0];
    newest.forEach((mass, row) => expected[row] = (expected[row] ?? 0) * 0.8 + mass);
    columns(cache, signalOf(recording))[1][0].forEach((sum, row) => assert(Math.abs(sum - expected[row]) < 1e-5));
  }
  const chunked = model.createCache([recording]);
  await model.read(chunked, ids.slice(0, 9));
  await model.read(chunked, ids.slice(9), { chunkLength: 7 });
  columns(chunked, signalOf(recording))[1][0].forEach((sum, row) => assert(Math.abs(sum - expected[row]) < 1e-4));
});

Deno.test("at an eviction, taps of the last n queries hold the last n or an interval's, read singly or in chunks", async () => {
  await using model = await openCheckpoint(NAME);
  const window = (queries: number): Signal => ({ attention: "sum", queries });
  for (const [compressionInterval, chunkLength] of [[8, 1], [8, 3], [8, 50], [9, 4], [3, 1], [3, 2]]) {
    const seen: number[][] = [];
    const newest: Map<number, number>[] = [];
    const spy = definePolicy({
      name: "spy",
      signals: [NEWEST, window(5)],
      score: ({ index, heads }) => {
        const { positions, signal } = heads[0];
        if (index === 0) {
          const queries = newest.slice(0, cache.tokenCount).slice(-Math.min(5, compressionInterval));
          seen.push([...positions].map((position) => queries.reduce((sum, of) => sum + (of.get(position) ?? 0), 0)));
          signal(window(5)).forEach((sum, row) => assert(Math.abs(sum - seen.at(-1)![row]) < 1e-5, `row ${row}`));
        }
        return heads.map(({ positions }) => Float64Array.from(positions));
      },
    });
    const bound: Bound = { policy: spy, rows: 20, compressionInterval };
    const cache = model.createCache([1, 5]);
    const single = model.createCache([1]);
    const ids = textIds(model, 60);
    // The newest query's attention, one by one, from a twin that evicts alike.
    for (const [token, id] of ids.entries()) {
      await model.read(single, [id], {
        bound: { ...bound, policy: policy("streaming_llm", { sinkTokens: 0 }) },
        onProgress: () => {
          const positions = single.rowPositions(0, 0);
          newest.push(new Map(columns(single, NEWEST)[0][0].map((mass, row) => [positions[row], mass])));
        },
      });
      if ((token + 1) % chunkLength === 0) {
        await model.read(cache, ids.slice(token + 1 - chunkLength, token + 1), { bound });
      }
    }
    assertEquals(seen.length, Math.floor((cache.tokenCount - 20) / compressionInterval));
  }
});

Deno.test("where evictions fall does not depend on how the text is cut into reads", async () => {
  await using model = await openCheckpoint(NAME);
  const ids = textIds(model, 200);
  const bound: Bound = { policy: policy("streaming_llm"), rows: 30, compressionInterval: 16, positions: "compact" };
  const rows = async (chunkLength: number) => {
    const cache = model.createCache();
    for (let start = 0; start < ids.length; start += chunkLength) {
      await model.read(cache, ids.slice(start, start + chunkLength), { bound });
    }
    return rowsOf(cache);
  };
  const whole = await rows(200);
  assertEquals(whole[0][0].slice(0, 5), [0, 1, 2, 3, 164]);
  for (const chunkLength of [1, 7, 16, 64]) assertEquals(await rows(chunkLength), whole);
});

Deno.test("past the trained length: compact positions go on, logical ones too after one notice that names the mode", async () => {
  await using model = await openCheckpoint(NAME);
  const limit = model.config.maxPositionEmbeddings;
  const ids = textIds(model, limit + 300);
  for (const positions of ["logical", "compact"] as const) {
    const notices: string[] = [];
    const onNotice = (notice: string) => notices.push(notice);
    const bound: Bound = { policy: policy("streaming_llm"), rows: 64, compressionInterval: 32, positions };
    const cache = model.createCache();
    for (let start = 0; start < ids.length; start += 100) {
      const logits = await model.read(cache, ids.slice(start, start + 100), { bound, onNotice });
      assert(logits.every(Number.isFinite));
    }
    const { ids: generated } = await model.generateFrom([7], {
      cache,
      bound,
      maxNewTokens: 40,
      ignoreEos: true,
      onNotice,
    });
    assertEquals([generated.length, cache.tokenCount], [40, ids.length + 40]);
    assertEquals(cache.nextRotaryPosition, positions === "logical" ? cache.tokenCount : cache.longestHead);
    assertEquals(notices.length, positions === "logical" ? 1 : 0);
    if (positions === "logical") assert(notices[0].includes(`${limit} positions`) && notices[0].includes(`"compact"`));
  }
});

Deno.test("an abort leaves a sound cache within its bound, and reading on gives what one read gives", async () => {
  await using model = await openCheckpoint(NAME);
  const ids = textIds(model, 150);
  const bound: Bound = { policy: policy("streaming_llm"), rows: 40, compressionInterval: 10 };
  const controller = new AbortController();
  const cache = model.createCache();
  const onProgress = (read: number) => read >= 70 && controller.abort(new Error("stop"));
  await assertRejects(() => model.read(cache, ids, { bound, signal: controller.signal, onProgress }), Error, "stop");
  assert(cache.tokenCount < 150 && cache.longestHead <= 50);
  const rest = await model.read(cache, ids.slice(cache.tokenCount), { bound });
  const whole = model.createCache();
  const logits = await model.read(whole, ids, { bound });
  assertEquals(rowsOf(cache), rowsOf(whole));
  rest.forEach((value, index) => assert(Math.abs(value - logits[index]) < 1e-4));
});

Deno.test("a bound that cannot hold is refused before anything is read; what is wrong is named", async () => {
  await using model = await openCheckpoint(NAME);
  const streaming = policy("streaming_llm");
  const wrong: [Bound, string, ("record" | "skip")?][] = [
    [{ policy: streaming, rows: 8, compressionInterval: 0 }, "Cannot evict every 0 tokens"],
    [{ policy: streaming, rows: 8, compressionInterval: 1.5 }, "Cannot evict every 1.5 tokens"],
    [{ policy: streaming, rows: 0, compressionInterval: 8 }, "Cannot bound a cache to 0 rows"],
    [
      { policy: streaming, maxBytes: 700, compressionInterval: 8 },
      `700 bytes as one row a head takes up to ${TOKEN_BYTES}`,
    ],
    [{ policy: streaming, maxBytes: NaN, compressionInterval: 8 }, "NaN bytes"],
    [{ policy: policy("kvzip"), rows: 8, compressionInterval: 8 }, "kvzip as it needs reconstruction, a second look"],
    [{ policy: policy("tova"), rows: 8, compressionInterval: 8 }, "policy tova as it needs attention", "skip"],
    [{ policy: policy("snapkv"), rows: 8, compressionInterval: 8 }, "last 64 queries): this cache has"],
    [{ policy: policy("h2o", { decay: 0.5 }), rows: 8, compressionInterval: 8 }, "decay 0.5"],
    [{ policy: streaming, rows: 1000, compressionInterval: 100, positions: "compact" }, "model's context is 1024"],
    [
      { policy: policy("expected_attention"), rows: 8, compressionInterval: 8, positions: "compact" },
      `take positions "logical"`,
    ],
  ];
  for (const [bound, message, attention] of wrong) {
    const cache = model.createCache([1, "moments"]);
    await assertRejects(() => model.read(cache, [1, 2, 3], { bound, attention }), Error, message);
    assertEquals(cache.tokenCount, 0);
  }
  const own: Policy[] = [policy("keep_all"), policy("recent_window", { windowSize: 50 })];
  for (const stubborn of own) {
    const cache = model.createCache([1]);
    const bound: Bound = { policy: stubborn, rows: 8, compressionInterval: 8 };
    await assertRejects(() => model.read(cache, textIds(model, 40), { bound }), RangeError, `with ${stubborn.name}`);
    // Nothing went, and nothing past the ceiling came.
    assertEquals([cache.tokenCount, cache.longestHead], [16, 16]);
  }
});
