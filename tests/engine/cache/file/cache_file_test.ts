import { fileURLToPath } from "node:url";
import { defaultFrequencies } from "../../../../lib/numeric/rotary.ts";
import { uniformRotary } from "../../../fixtures/uniform_rotary.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DEFAULT_RECORDINGS, KvCache, loadModel, type Recording } from "kvmirror/engine";
import { policy } from "kvmirror/policies";
import { createHash } from "node:crypto";
import { decodeCache } from "../../../../lib/engine/cache/file/decode.ts";
import { loadCache } from "../../../../lib/engine/generate/load_cache.ts";
import { appendRows } from "../../../fixtures/append_rows.ts";
import { checkpointPath, openCheckpoint } from "../../../fixtures/golden.ts";
import { appendSynthetic, SHAPE, signalsOf, snapshot } from "../../../fixtures/synthetic_cache.ts";
import { withFolder } from "../../../fixtures/with_folder.ts";

const OWNER = { name: "made up", hash: "a".repeat(64), weights: "f32" };
const observer = () => Promise.resolve(Array.from({ length: 6 }, (_, head) => new Float32Array(20).fill(head)));
const TEXT = "The river runs slowly past the old mill in spring. Sam's dog is called Biscuit. ";

/** A cache that has been through everything: evictions, a mark, pins, lost signals, an observation. */
async function eventful(recordings: readonly Recording[] = [...DEFAULT_RECORDINGS, { decay: 0.9 }]): Promise<KvCache> {
  const look = (cache: KvCache) =>
    Promise.resolve(cache.past().map(({ keys }, head) => new Float32Array(keys.length / 4).fill(head + 0.1)));
  const cache = new KvCache(SHAPE, recordings, look, OWNER);
  appendSynthetic(cache, 4, 1);
  cache.pin(0, 4);
  await cache.observe({ name: "p", signals: ["outputNorm1", "predictedAttention"] });
  cache.mark();
  appendSynthetic(cache, 5, 2);
  cache.rewind(8);
  cache.keep(
    cache.layers().map(({ heads }) =>
      heads.map((_, head) => ({ rows: Uint32Array.from([0, 1, 2, 3, 4, 5, 7].filter((row) => row < 5 + head)) }))
    ),
  );
  appendSynthetic(cache, 2, 3);
  await cache.observe({ name: "p", signals: ["reconstruction"] });
  cache.pin(8, 9);
  return cache;
}

const all = (cache: KvCache) => [
  snapshot(cache),
  signalsOf(cache),
  cache.marks,
  cache.pins,
  cache.rewindRanges,
  cache.recordings,
  cache.queryMoments,
  cache.owner,
];

async function saved(cache: KvCache): Promise<Uint8Array> {
  const path = await Deno.makeTempFile();
  try {
    await cache.save(path);
    return await Deno.readFile(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("saved and loaded is the same to the bit, and stays so whatever happens next", async () => {
  await withFolder(async (path) => {
    for (const recordings of [undefined, [], ["moments"], [64]] satisfies (Recording[] | undefined)[]) {
      const cache = await eventful(recordings);
      await cache.save(path("c.kvcache"));
      const loaded = await loadCache(path("c.kvcache"), { owner: OWNER, shape: SHAPE, observer, vocabSize: 1e6 });
      assertEquals(all(loaded), all(cache));
      for (const line of [cache, loaded]) {
        appendSynthetic(line, 3, 9);
        line.compress(policy(line.recordings.includes(1) ? "tova" : "knorm"), { rows: 6 });
      }
      assertEquals(all(loaded), all(cache));
      for (const line of [cache, loaded]) line.rewind(4);
      assertEquals(all(loaded), all(cache));
      // The marked signals are those of then.
      assertEquals(loaded.signals.includes("predictedAttention"), true);
    }
    assertEquals([...Deno.readDirSync(path(""))].map(({ name }) => name), ["c.kvcache"]);
  });
});

Deno.test("an empty cache is saved as well", async () => {
  const bytes = await saved(new KvCache(SHAPE, DEFAULT_RECORDINGS, undefined, OWNER));
  assertEquals(decodeCache(bytes, "c").state.ids.length, 0);
});

Deno.test("any byte changed, any byte missing, any byte more is refused in one line", async () => {
  const bytes = await saved(await eventful([1]));
  const refused = (changed: Uint8Array) => {
    const error = assertThrows(() => decodeCache(changed, "c.kvcache"), SyntaxError);
    assert(/^Cannot load c\.kvcache as [^\n]+$/.test(error.message), error.message);
  };
  decodeCache(bytes, "c.kvcache");
  for (let index = 0; index < bytes.length; index++) {
    const changed = bytes.slice();
    changed[index] ^= 1 << (index % 8);
    refused(changed);
    refused(bytes.slice(0, index));
  }
  refused(Uint8Array.of(...bytes, 0));
});

Deno.test("what is wrong is named: another kind of file, another version, damage", async () => {
  const bytes = await saved(await eventful());
  const withByte = (index: number, byte: number) => bytes.with(index, byte);
  const cases: [Uint8Array, string][] = [
    [new TextEncoder().encode("GGUF and so on, and much more than a preamble is"), "does not begin with KVMCACHE"],
    [new Uint8Array(0), "does not begin with KVMCACHE"],
    [withByte(8, 7), "it is of version 7: this program reads version 3"],
    [withByte(40, bytes[40] ^ 1), "damaged or cut short"],
    [bytes.slice(0, -1), "damaged or cut short"],
    [bytes.slice(0, 20), "damaged or cut short"],
  ];
  for (const [wrong, message] of cases) assertThrows(() => decodeCache(wrong, "c"), SyntaxError, message);
});

/** The file with another header and a hash that is right again. */
function withHeader(bytes: Uint8Array, change: (header: string) => string): Uint8Array {
  const length = new DataView(bytes.buffer).getUint32(12, true);
  const text = change(new TextDecoder().decode(bytes.subarray(16, 16 + length)).trimEnd());
  const header = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8));
  const made = Uint8Array.of(...bytes.subarray(0, 16), ...header, ...bytes.subarray(16 + length, -32));
  new DataView(made.buffer).setUint32(12, header.length, true);
  return Uint8Array.of(...made, ...createHash("sha256").update(made).digest());
}

Deno.test("a file made wrong, its hash right, is refused as well, and takes no memory that it could not fill", async () => {
  const bytes = await saved(await eventful());
  assertEquals(decodeCache(withHeader(bytes, (header) => header), "c").owner, OWNER);
  const wrong: [string | RegExp, string, string][] = [
    ['"dtype":"f32"', '"dtype":"int3"', 'its rows are "int3": this program holds f32, f16, int8, int4'],
    [/"quantized_rows":\[\d+/, '"quantized_rows":[1', "contradict"],
    ['"residual_length":0', '"residual_length":-1', "residual_length cannot be -1"],
    ['"dtype":"f32",', "", "dtype"],
    ['"tokens":10', '"tokens":4000000000', "contradict"],
    ['"tokens":10', '"tokens":1e300', "tokens must be a whole number"],
    ['"tokens":10', '"tokens":9', "contradict"],
    [/"rows":\[\d+/, '"rows":[1000000000', "contradict"],
    [/"rows":\[\d+,/, '"rows":[', "contradict"],
    [/"rows":\[\d+/, '"rows":[-1', "rows cannot be"],
    ['"headDim":4', '"headDim":8', "contradict"],
    ['"layerCount":2', '"layerCount":-2', "layerCount cannot be -2"],
    ['"positions":"logical"', '"positions":"elsewhere"', "positions cannot be"],
    ['"recordings":["all"', '"recordings":["some"', "recordings cannot be"],
    [/"lost":\[\d*/, '"lost":[99', "contradict"],
    [/"observed":\["\w+"/, '"observed":["smell"', "observed cannot be"],
    [/"moments":-?\d/, '"moments":7', "contradict"],
    ['"position":4', '"position":5', "contradict"],
    ['"gaps":[[', '"gaps":[["a",', "gaps cannot be"],
    [/"gaps":\[\[.*?\]\]/, '"gaps":[]', "contradict"],
    [/"gaps":\[\[(-?\d+),(\d+)/, '"gaps":[[$2,$1', "contradict"],
    [/"gaps":\[\[(-?\d+),(\d+)/, '"gaps":[[$1,99', "contradict"],
    [/"pins":\[\[(\d+),(\d+)/, '"pins":[[$2,$1', "contradict"],
    [/"pins":\[\[(\d+),(\d+)/, '"pins":[[$1,99', "contradict"],
    [/"pins":\[\[(\d+),(\d+)\]/, '"pins":[[$1,$2],[$1,$2]', "contradict"],
    [/"next_rotary_position":\d+/, '"next_rotary_position":3', "contradict"],
    ['"rotation":"within"', '"rotation":"beyond"', "contradict"],
    [/"recorded_until":\d+/, '"recorded_until":99', "contradict"],
    [/^/, "[", "as JSON"],
    [/"owner":\{/, '"owner":null,"x":{', "is no object"],
  ];
  for (const [old, now, message] of wrong) {
    const changed = withHeader(bytes, (header) => {
      const other = header.replace(old, now);
      assert(other !== header, `${old} is not in ${header}`);
      return other;
    });
    const error = assertThrows(() => decodeCache(changed, "c"), Error, message);
    assert(error instanceof SyntaxError || error instanceof TypeError, `${error}`);
    assert(!error.message.includes("\n"));
  }
});

Deno.test("a file made wrong in its ids, its hash right, is refused", async () => {
  const bytes = await saved(await eventful());
  const start = 16 + new DataView(bytes.buffer).getUint32(12, true);
  assertEquals(new DataView(bytes.buffer).getInt32(start, true), decodeCache(bytes, "c").state.ids.slice()[0]);
  new DataView(bytes.buffer).setInt32(start, -5, true);
  const made = withHeader(bytes, (header) => header);
  assertThrows(() => decodeCache(made, "c"), SyntaxError, "contradict");
});

Deno.test("a cache of another model, of other weights or of none is refused; both are named", async () => {
  await withFolder(async (path) => {
    await using model = await openCheckpoint("qwen2_tied_bf16_sharded");
    await using other = await openCheckpoint("llama_tied_f16");
    await using rounded = await loadModel(checkpointPath("qwen2_tied_bf16_sharded"), { weights: "int8", threads: 1 });
    const file = path("c.kvcache");
    await (await model.prefill(TEXT)).save(file);
    await assertRejects(() => other.loadCache(file), TypeError, "is of model qwen2_tied_bf16_sharded");
    await assertRejects(() => rounded.loadCache(file), TypeError, "made with f32 weights and this model has int8");
    await assertRejects(() => model.loadCache(path("none")), RangeError, "there is no such file");
    await assertRejects(() => model.loadCache(path("")), RangeError, "it is a folder");
    await assertRejects(() => new KvCache(SHAPE).save(file), TypeError, "belongs to no model");
    const cache = await model.prefill(TEXT);
    await assertRejects(() => cache.save(path("")), RangeError, "name a file, not a folder");
    await assertRejects(() => cache.save(path("no/folder/c")), Error, "no/folder");
    assertEquals([...Deno.readDirSync(path(""))].map(({ name }) => name), ["c.kvcache"]);
  });
});

Deno.test("a saved prefix is read once: in another run the same logits follow, bit for bit", async () => {
  await withFolder(async (path) => {
    const logits: Float32Array[][] = [[], []];
    const ask = async (model: Awaited<ReturnType<typeof loadModel>>, cache: KvCache, into: Float32Array[]) => {
      const onLogits = (values: Float32Array) => void into.push(values.slice());
      return await model.generate("What is Sam's dog called?", { cache, maxNewTokens: 6, ignoreEos: true, onLogits });
    };
    {
      await using model = await loadModel("tiny");
      const cache = await model.prefill(TEXT.repeat(4));
      cache.compress(policy("adakv(snapkv)"), { compressionRatio: 0.4 });
      await cache.save(path("prefix.kvcache"));
      await ask(model, cache, logits[0]);
    }
    await using model = await loadModel("tiny");
    const cache = await model.loadCache(path("prefix.kvcache"));
    await ask(model, cache, logits[1]);
    assertEquals(logits[1], logits[0]);
  });
});

Deno.test("a file that is being replaced is the old one or the new one, never something between", async () => {
  await withFolder(async (path) => {
    const cache = await eventful();
    await cache.save(path("c"));
    const old = await Deno.readFile(path("c"));
    const broken = {
      ...OWNER,
      toJSON: () => {
        throw new Error("the disk is full");
      },
    };
    await assertRejects(() => new KvCache(SHAPE, [], undefined, broken).save(path("c")), Error, "the disk is full");
    assertEquals(await Deno.readFile(path("c")), old);
    assertEquals([...Deno.readDirSync(path(""))].map(({ name }) => name), ["c"]);
  });
});

Deno.test("a program that is killed while it saves leaves a whole file", async () => {
  await withFolder(async (path) => {
    for (const wait of [1, 20, 45, 70]) {
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "-q", "--allow-all", fileURLToPath(new URL("save_forever.ts", import.meta.url)), path("c")],
        stdout: "piped",
      }).spawn();
      const output = child.stdout.getReader();
      await output.read();
      await new Promise((resume) => setTimeout(resume, wait));
      child.kill("SIGKILL");
      await child.status;
      await output.cancel();
      const { state } = decodeCache(await Deno.readFile(path("c")), "c");
      assert(state.ids.length > 2000 && state.heads.every(({ length }) => length === state.ids.length));
    }
  });
});

Deno.test("100 MB are saved and loaded in a moment", async () => {
  await withFolder(async (path) => {
    const shape = {
      layerCount: 30,
      kvHeadCount: 3,
      groupSize: 3,
      headDim: 64,
      rotary: uniformRotary(30, defaultFrequencies(64, 10_000)),
      windows: new Array(30).fill(0),
    };
    const cache = new KvCache(shape, ["all", 1, 64], undefined, OWNER);
    const rows = 2200;
    const values = new Float32Array(90 * rows * 64).fill(0.5);
    appendRows(cache, new Int32Array(rows), values, values);
    const start = performance.now();
    await cache.save(path("c"));
    const written = performance.now();
    const loaded = await loadCache(path("c"), { owner: OWNER, shape, observer, vocabSize: 1e6 });
    const read = performance.now();
    const size = (await Deno.stat(path("c"))).size;
    console.error(
      `  ${(size / 1e6).toFixed(0)} MB: saved in ${(written - start).toFixed(0)} ms, loaded in ${
        (read - written).toFixed(0)
      } ms`,
    );
    assertEquals([loaded.liveBytes, loaded.liveBytes > 100e6], [cache.liveBytes, true]);
    assertEquals(loaded.past()[89].values, cache.past()[89].values);
  });
});
