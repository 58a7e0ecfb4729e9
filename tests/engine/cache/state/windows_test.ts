import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { KvCache } from "kvmirror/engine";
import { decodeCache } from "../../../../lib/engine/cache/file/decode.ts";
import { cacheOf } from "../../../../lib/engine/cache/kv_cache.ts";
import type { CacheShape } from "../../../../lib/engine/rows/cache_shape.ts";
import { appendRows } from "../../../fixtures/append_rows.ts";
import { SHAPE } from "../../../fixtures/synthetic_cache.ts";

const { kvHeadCount, headDim } = SHAPE;
const ROW_BYTES = 2 * headDim * 4;
/** Rows beyond a window that may wait in their buffers. */
const WAITING_ROWS = 64;
const OWNER = { name: "made up", hash: "a".repeat(64), weights: "f32" };
const RECORDINGS = ["all", 3, { decay: 0.5 }] as const;

/** What the head's row at a position holds. */
const number = (head: number, position: number, dim: number) => 1 + head + position / 128 + dim / 1024;

function emptyCache(windows: readonly number[]): KvCache {
  const shape: CacheShape = { ...SHAPE, windows };
  return new KvCache(shape, RECORDINGS, undefined, OWNER);
}

/** Appends made-up rows, and attention that depends on recording, head and position alone. */
function append(cache: KvCache, count: number): void {
  const start = cache.tokenCount;
  const heads = cache.shape.layerCount * kvHeadCount;
  const values = (shift: number) =>
    Float32Array.from({ length: heads * count * headDim }, (_, index) => {
      const [head, token] = [Math.floor(index / count / headDim), Math.floor(index / headDim) % count];
      return shift + number(head, start + token, index % headDim);
    });
  // Rows of a head with a window are the newest; of another none is hidden.
  const seen = cache.room(count).map(({ keys }) => keys.length / headDim);
  const attention = RECORDINGS.flatMap((_, recording) =>
    seen.flatMap((rows, head) => Array.from({ length: rows }, (_, row) => (rows - row) / (1 + recording) + head))
  );
  const ids = Array.from({ length: count }, (_, token) => start + token);
  appendRows(cache, ids, values(0), values(100), { attention: Float32Array.from(attention) });
}

/** One thing that can happen to a cache. */
interface Step {
  readonly action: "append" | "evict" | "compact" | "rewind" | "mark" | "fork" | "save" | "look" | "draft";
  readonly seed: number;
}

const ACTIONS = ["append", "append", "append", "evict", "compact", "rewind", "mark", "fork", "save", "look", "draft"];
const STEPS = fc.array(
  fc.record({ action: fc.constantFrom(...ACTIONS as Step["action"][]), seed: fc.nat(1000) }),
  { minLength: 1, maxLength: 24 },
);
const WINDOWS = fc.array(fc.constantFrom(...[0, 1, 2, 5, 40, 70]), { minLength: 2, maxLength: 2 });

/** A cache that frees nothing by itself: for each head the positions of its rows. */
interface Expected {
  heads: number[][];
  positions: "logical" | "compact";
  tokens: number;
  /** The rotary position of the next token. */
  next: number;
}

/** Positions that a query to come sees, in a head of this window. */
function seenRows({ positions, next }: Expected, rows: readonly number[], window: number): number[] {
  if (window === 0) return [...rows];
  return rows.filter((position, row) => {
    const rotary = positions === "logical" ? position : next - rows.length + row;
    return rotary > next - window;
  });
}

const windowOf = (cache: KvCache, head: number) => cache.shape.windows[Math.floor(head / kvHeadCount)];
const everyHead = (cache: KvCache) => Array.from({ length: cache.shape.layerCount * kvHeadCount }, (_, head) => head);
const reachable = (cache: KvCache, position: number) =>
  cache.rewindRanges.some(({ first, last }) => first <= position && position <= last);

/** Does a step to a cache and to what is expected of it; gives the cache to go on with. */
async function apply(cache: KvCache, expected: Expected, { action, seed }: Step): Promise<KvCache> {
  const drop = () => {
    expected.heads = expected.heads.map((rows, head) => seenRows(expected, rows, windowOf(cache, head)));
  };
  if (action === "append") {
    const count = 1 + seed % (seed % 7 === 0 ? 90 : 4);
    append(cache, count);
    for (const rows of expected.heads) rows.push(...Array.from({ length: count }, (_, at) => expected.tokens + at));
    expected.tokens += count;
    expected.next += count;
  } else if (action === "evict" || action === "compact") {
    drop();
    const keeps = (head: number, position: number) => ((seed >> ((head + position) % 10)) & 1) === 0;
    const layers = cache.layers();
    const mode = action === "compact" ? "compact" : cache.positions;
    cache.keep(
      layers.map(({ index, heads }) =>
        heads.map(({ positions }, kvHead) => ({
          rows: Uint32Array.from(positions.keys()).filter((row) => keeps(index * kvHeadCount + kvHead, positions[row])),
        }))
      ),
      mode,
    );
    const chosen = new Set(layers.map(({ index }) => index));
    expected.heads = expected.heads.map((rows, head) =>
      chosen.has(Math.floor(head / kvHeadCount)) ? rows.filter((position) => keeps(head, position)) : rows
    );
    expected.positions = mode;
    if (mode === "compact") expected.next = Math.max(...expected.heads.map(({ length }) => length));
  } else if (action === "rewind") {
    const near = Math.max(0, expected.tokens - seed % 6);
    const position = seed % 5 === 0 ? seed % (expected.tokens + 1) : near;
    if (!reachable(cache, position)) return cache;
    cache.rewind(position);
    expected.heads = expected.heads.map((rows) => rows.filter((row) => row < position));
    expected.next -= expected.tokens - position;
    expected.tokens = position;
  } else if (action === "draft") {
    // A draft is read, looked at, and taken back.
    const { tokenCount } = cache;
    append(cache, 1 + seed % 9);
    cache.markDraft(1 + seed % 9);
    for (const head of everyHead(cache)) cache.rowCount(Math.floor(head / kvHeadCount), head % kvHeadCount);
    cache.rewind(tokenCount);
  } else if (action === "mark") cache.mark();
  else if (action === "fork") return cache.fork();
  else if (action === "look") cache.past();
  else {
    const bytes = await saved(cache);
    const { shape, recordings, state, owner } = decodeCache(bytes, "a file");
    return cacheOf(shape, recordings, state, undefined, owner);
  }
  return cache;
}

async function saved(cache: KvCache): Promise<Uint8Array> {
  const path = await Deno.makeTempFile();
  try {
    await cache.save(path);
    return await Deno.readFile(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("rows that stay are those that a query to come sees, whatever happens, and bytes are theirs", async () => {
  const done: Record<string, number> = {};
  await fc.assert(
    fc.asyncProperty(WINDOWS, STEPS, async (windows, steps) => {
      let cache = emptyCache(windows);
      const expected: Expected = { heads: everyHead(cache).map(() => []), positions: "logical", tokens: 0, next: 0 };
      for (const step of steps) {
        cache = await apply(cache, expected, step);
        done[step.action] = 1 + (done[step.action] ?? 0);
        // A fork is looked at, so that hidden rows wait in the cache itself.
        const line = cache.fork();
        const mixed = windows.includes(0) && windows.some((window) => window > 0);
        let [bytes, windowBytes] = [0, 0];
        for (const head of everyHead(cache)) {
          const [layer, kvHead] = [Math.floor(head / kvHeadCount), head % kvHeadCount];
          const window = windowOf(cache, head);
          const rows = seenRows(expected, expected.heads[head], window);
          assertEquals([...line.rowPositions(layer, kvHead)], rows, `${step.action}: head ${head}, window ${window}`);
          const { keys, values } = line.past()[head];
          if (expected.positions === "logical") {
            rows.forEach((position, row) => {
              const key = Math.fround(number(head, position, 1));
              assertEquals(keys[row * headDim + 1], key);
            });
          }
          rows.forEach((position, row) =>
            assertEquals(values[row * headDim + 1], Math.fround(100 + number(head, position, 1)))
          );
          bytes += rows.length * ROW_BYTES;
          if (mixed && window > 0) windowBytes += rows.length * ROW_BYTES;
          const held = cache.headBytes(layer, kvHead).live / ROW_BYTES;
          if (window > 0) assert(held < window + WAITING_ROWS + 90, `${held} rows are held`);
        }
        assertEquals([line.liveBytes, line.windowBytes], [bytes, windowBytes]);
        assertEquals([line.tokenCount, line.nextRotaryPosition], [expected.tokens, expected.next]);
        const full = windows.reduce(
          (sum, window) => sum + Math.min(expected.tokens, window > 0 ? window : Infinity) * kvHeadCount * ROW_BYTES,
          0,
        );
        assertEquals(line.fullBytes, full);
        assert(line.liveBytes <= full && line.liveBytes <= line.allocatedBytes);
      }
    }),
    { numRuns: 150, seed: 7 },
  );
  for (const action of ACTIONS) assert(done[action] > 50, `${action}: ${done[action]}`);
});

Deno.test("recorded attention of the rows that stay does not depend on when hidden rows are freed", () => {
  fc.assert(
    fc.property(WINDOWS, fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 12 }), (windows, counts) => {
      const [freed, waiting] = [emptyCache(windows), emptyCache(windows)];
      for (const count of counts) {
        append(freed, count);
        freed.past();
        append(waiting, count);
      }
      const signals = (cache: KvCache) =>
        cache.layers().map(({ heads }) =>
          heads.map(({ signal, positions }) => [
            [...positions],
            ...cache.signals.filter((name) => typeof name === "object").map((name) => [...signal(name)]),
          ])
        );
      assertEquals(signals(waiting), signals(freed));
    }),
    { numRuns: 80, seed: 7 },
  );
});

Deno.test("a mark is not lost by a look at the cache", () => {
  const cache = emptyCache([5, 5]);
  append(cache, 20);
  cache.mark();
  cache.past();
  assertEquals(cache.marks, [20]);
  append(cache, 3);
  cache.rewind(20);
  assertEquals(cache.signals.length, emptyCache([5, 5]).signals.length);
});
