import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Bound, type KvCache, loadModel, type Model, promptLookup, recordingsFor } from "kvmirror/engine";
import { policy } from "kvmirror/policies";
import { parseCacheDtype } from "../../../lib/engine/rows/cache_dtype.ts";
import { textBytes } from "../../../lib/engine/rows/cache_shape.ts";
import { largestDifference } from "../../fixtures/golden.ts";
import { withFolder } from "../../fixtures/with_folder.ts";
import { watchAppends } from "../../fixtures/watch_appends.ts";

const FAMILIES = new URL("../../goldens/families/", import.meta.url);
/** A window in every other layer, and in every layer; both of 13 tokens, of texts of 49. */
const NAMES = ["gemma2", "mistral_window"];
const WINDOW = 13;
const GREEDY = { maxNewTokens: 32, ignoreEos: true };

interface Golden {
  readonly ids: number[];
  readonly greedy: number[];
  readonly logits: number[][];
}

const goldenOf = (name: string): Golden => JSON.parse(Deno.readTextFileSync(new URL(`${name}/golden.json`, FAMILIES)));

/** Opens a golden model, with changes to its config.json. */
async function withModel(
  name: string,
  run: (model: Model, golden: Golden) => Promise<void>,
  changes: Record<string, unknown> = {},
): Promise<void> {
  await withFolder(async (path) => {
    const config = JSON.parse(await Deno.readTextFile(new URL(`${name}/config.json`, FAMILIES)));
    await Deno.writeTextFile(path("config.json"), JSON.stringify({ ...config, ...changes }));
    await Deno.copyFile(new URL(`${name}/model.safetensors`, FAMILIES), path("model.safetensors"));
    await Deno.copyFile(new URL("tokenizer.json", FAMILIES), path("tokenizer.json"));
    await using model = await loadModel(path(""), { weights: "f32", threads: 1 });
    await run(model, goldenOf(name));
  });
}

async function readFirst(model: Model, { ids }: Golden, chunkLength?: number): Promise<KvCache> {
  const cache = model.createCache();
  await model.read(cache, ids.slice(0, -1), { chunkLength });
  return cache;
}

const rowsOf = (cache: KvCache) => cache.layers().map(({ heads }) => heads.map(({ positions }) => [...positions]));

for (const name of NAMES) {
  Deno.test(`${name}: drafts leave the answer as it is, looked at or not, and so does a stop in the middle of one`, () =>
    withModel(name, async (model, golden) => {
      const last = golden.ids.slice(-1);
      // Right but for its third token, so that each draft is taken in part.
      const draft = (generated: readonly number[]) =>
        golden.greedy.slice(generated.length, generated.length + 5).map((id, index) =>
          index === 2 ? (id + 1) % 97 : id
        );
      for (const looks of [false, true]) {
        for (const drafted of [draft, promptLookup({ shortest: 1 })]) {
          const cache = await readFirst(model, golden);
          const onLogits = () => void (looks && rowsOf(cache));
          const { ids } = await model.generateFrom(last, { cache, ...GREEDY, draft: drafted, onLogits });
          assertEquals(ids, golden.greedy);
          assertEquals(cache.tokenCount, golden.ids.length + 31);
        }
        const cache = await readFirst(model, golden);
        const given: number[] = [];
        for await (const { id } of model.generateFrom(last, { cache, ...GREEDY, draft })) {
          given.push(id);
          if (looks) rowsOf(cache);
          if (given.length === 7) break;
        }
        // The newest one given was not read; with a draft it was.
        const rest = golden.greedy.slice(cache.tokenCount - golden.ids.length);
        assertEquals(cache.tokenIds(golden.ids.length), golden.greedy.slice(0, cache.tokenCount - golden.ids.length));
        const { ids } = await model.generateFrom(rest.slice(0, 1), { cache, ...GREEDY, maxNewTokens: 20 });
        assertEquals(ids, rest.slice(1, 21));
      }
    }));

  Deno.test(`${name}: a rewind to a mark goes on as if nothing had been read since`, () =>
    withModel(name, async (model, golden) => {
      const cache = await readFirst(model, golden);
      cache.mark();
      rowsOf(cache);
      await model.read(cache, golden.ids.slice(0, 20));
      cache.rewind(golden.ids.length - 1);
      assertEquals(cache.marks, [golden.ids.length - 1]);
      assertEquals((await model.generateFrom(golden.ids.slice(-1), { cache, ...GREEDY })).ids, golden.greedy);
    }));

  Deno.test(`${name}: a bound that the text stays within changes nothing, and one that it passes holds`, () =>
    withModel(name, async (model, golden) => {
      for (const size of [{ rows: 200 }, { maxBytes: 1 << 20 }]) {
        const bound: Bound = { policy: policy("knorm"), compressionInterval: 4, ...size };
        const cache = await readFirst(model, golden);
        assertEquals((await model.generateFrom(golden.ids.slice(-1), { cache, bound, ...GREEDY })).ids, golden.greedy);
      }
      for (const chunkLength of [1, 3, 50]) {
        for (const chosen of ["knorm", "h2o"]) {
          for (const positions of ["logical", "compact"] as const) {
            // Fewer than the window in every layer, more than it beside others.
            const rows = name === "gemma2" ? 16 : 8;
            const bound: Bound = { policy: policy(chosen), rows, compressionInterval: 4, positions };
            const cache = model.createCache(recordingsFor(bound.policy.signals));
            const ids = [...golden.ids, ...golden.ids];
            for (let start = 0; start < ids.length; start += chunkLength) {
              await model.read(cache, ids.slice(start, start + chunkLength), { bound, logitsOf: "none" });
              // A cache at its limit is compressed at once.
              assert(cache.evictableRows < (rows + 4) * cache.evictableHeads, `${chosen}: ${cache.evictableRows} rows`);
            }
            assertEquals(cache.tokenCount, ids.length);
          }
        }
      }
    }));

  Deno.test(`${name}: live bytes stay within a bound in bytes and its interval`, () =>
    withModel(name, async (model, golden) => {
      const { shape } = model.createCache();
      const windows = name === "gemma2" ? 2 * 2 * WINDOW * 80 : 0;
      const maxBytes = windows + 10 * textBytes(shape, 1);
      for (const chunkLength of [1, 5, 50]) {
        const bound: Bound = { policy: policy("adakv(knorm)"), maxBytes, compressionInterval: 6 };
        const cache = model.createCache();
        let most = 0;
        watchAppends(cache, ({ liveBytes }) => most = Math.max(most, liveBytes));
        await model.read(cache, [...golden.ids, ...golden.ids, ...golden.ids], { bound, chunkLength });
        const ceiling = maxBytes + 6 * textBytes(shape, 1);
        assert(most <= ceiling && most > maxBytes / 2, `${most} of ${ceiling} bytes`);
        assert(cache.liveBytes <= ceiling);
      }
    }));

  Deno.test(`${name}: quantized rows give nearly PyTorch's logits, chunk by chunk and after a file`, () =>
    withModel(name, async (model, golden) => {
      const expected = Float32Array.from(golden.logits.at(-1)!);
      // The widest format first; the last one is coarse.
      for (
        const [format, most] of [
          ["f16/f16", 0.02],
          ["int8/int8", 0.3],
          ["int8:channel/int8", 0.3],
          ["int4:channel/int4", 2.5],
        ] as const
      ) {
        for (const chunkLength of [1, 7, undefined]) {
          const cache = model.createCache();
          cache.quantize(parseCacheDtype(format, 4));
          await model.read(cache, golden.ids.slice(0, -1), { chunkLength });
          const fork = cache.fork();
          const difference = largestDifference(await model.read(fork, golden.ids.slice(-1)), expected);
          assert(difference > 0 && difference < most, `${format} in chunks of ${chunkLength}: ${difference}`);
          await withFolder(async (path) => {
            await cache.save(path("cache"));
            const loaded = await model.loadCache(path("cache"));
            const ids = async (from: KvCache) =>
              (await model.generateFrom(golden.ids.slice(-1), { cache: from, ...GREEDY })).ids;
            assertEquals(await ids(loaded), await ids(cache));
          });
        }
      }
    }));
}

/** The rows that policies keep of a golden's text, by layer, with changes to its config.json. */
async function choices(
  name: string,
  wanted: readonly string[],
  changes: Record<string, unknown> = {},
  length?: number,
): Promise<Map<number, number[][]>[]> {
  const found: Map<number, number[][]>[] = [];
  await withModel(name, async (model, { ids }) => {
    for (const chosen of wanted.map((each) => policy(each))) {
      const cache = model.createCache(recordingsFor(chosen.signals));
      await model.read(cache, ids.slice(0, length));
      await cache.observe(chosen);
      cache.compress(chosen, { compressionRatio: 0.5 });
      found.push(
        new Map(cache.layers().map(({ index, heads }) => [index, heads.map(({ positions }) => [...positions])])),
      );
    }
  }, changes);
  return found;
}

/** Policies that look at the text twice, or ahead of it. */
const LOOKING = ["kvzip", "kvzip_plus", "expected_attention"];

Deno.test("policies choose under a window that no token leaves as they do without one", async () => {
  assertEquals(
    await choices("mistral_window", LOOKING, { sliding_window: 300 }),
    await choices("mistral_window", LOOKING, { sliding_window: null }),
  );
});

Deno.test("a head's scores do not depend on a long window in other layers", async () => {
  const [full, sliding] = ["full_attention", "sliding_attention"];
  const scores = async (kind: string) => {
    const found = new Map<number, number[][]>();
    const changes = { sliding_window: 300, layer_types: [kind, full, kind, full] };
    await withModel("gemma2", async (model, { ids }) => {
      const cache = model.createCache(["moments"]);
      await model.read(cache, ids);
      for (const name of ["kvzip", "kvzip_plus"]) await cache.observe(policy(name));
      for (const { index, heads } of cache.layers()) {
        const signals = ["reconstruction", "normalizedReconstruction", "queryMoments"] as const;
        found.set(index, heads.flatMap(({ signal }) => signals.map((name) => [...signal(name)])));
      }
    }, changes);
    return found;
  };
  const [windowed, plain] = [await scores(sliding), await scores(full)];
  assertEquals([[...windowed.keys()], [...plain.keys()]], [[1, 3], [0, 1, 2, 3]]);
  for (const [layer, heads] of windowed) assertEquals(heads, plain.get(layer));
});

Deno.test("policies that look twice or ahead keep half of the rows in gemma2 and phi3_longrope", async () => {
  // With its repetition the text must stay within LongRoPE's 96 tokens.
  for (const [name, length, layers] of [["gemma2", 49, [1, 3]], ["phi3_longrope", 25, [0, 1, 2]]] as const) {
    for (const [index, kept] of (await choices(name, LOOKING, {}, length)).entries()) {
      assertEquals([...kept.keys()], [...layers], LOOKING[index]);
      const heads = [...kept.values()].flat();
      const rows = heads.reduce((sum, { length }) => sum + length, 0);
      // Of the rows of each head, or of those of all heads.
      const most = Math.floor(length * heads.length / 2);
      assertEquals(rows, LOOKING[index] === "expected_attention" ? Math.floor(length / 2) * heads.length : most);
    }
  }
});

Deno.test("KVzip's repetition beyond every layer's window, or the length of LongRoPE, is refused in one line", async () => {
  for (
    const [name, why] of [
      ["mistral_window", "every layer's window is 13"],
      ["phi3_longrope", "the length of its rotary embedding is 96"],
    ]
  ) {
    await withModel(name, async (model, { ids }) => {
      const cache = model.createCache();
      await model.read(cache, ids);
      const { message } = await assertRejects(() => cache.observe(policy("kvzip")), RangeError);
      assert(new RegExp(`^Cannot repeat \\d+ tokens at position 49 as ${why}: [^\\n]+$`).test(message), message);
    });
  }
});
