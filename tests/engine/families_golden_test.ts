import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type KvCache, loadModel, type Model, type WeightFormat } from "kvmirror/engine";
import { policy } from "kvmirror/policies";
import { largestDifference } from "../fixtures/golden.ts";
import { withFolder } from "../fixtures/with_folder.ts";

/** What PyTorch says of one text: logits are `[tokens][vocab]`, of the text's last tokens. */
interface Reading {
  readonly ids: number[];
  readonly logits: number[][];
  readonly greedy: number[];
}

/** A `golden.json` of tests/goldens/make_family_goldens.py. */
interface FamilyGolden extends Reading {
  /** Whether there is a `model.gguf`. */
  readonly gguf: boolean;
  /** Tokens that each layer sees; 0: all. */
  readonly windows: number[];
  /** A text beyond the original length of a model with LongRoPE. */
  readonly long?: Reading;
  /** Tokens that are read after an eviction. */
  readonly next: number[];
  /** Positions that each kv head keeps, `[layer][head]`. */
  readonly ragged_rows: number[][][];
  readonly ragged_logical: Omit<Reading, "ids">;
  /** Every other one of `ragged_rows` is kept. Absent where a layer has a window. */
  readonly ragged_compact?: Omit<Reading, "ids">;
}

const FAMILIES = new URL("../goldens/families/", import.meta.url);
/** Errors of logits relative to their size: of random weights, quantization loses far more than of trained ones. */
const WEIGHT_ERRORS = { file: 1e-4, int8: 0.2, int4: 0.8 };
/** Differences of logits up to this much are rounding. */
const TOLERANCE = 1e-3;
const GREEDY = { maxNewTokens: 32, ignoreEos: true };

for (const { name, isDirectory } of [...Deno.readDirSync(FAMILIES)].sort((a, b) => a.name < b.name ? -1 : 1)) {
  if (!isDirectory) continue;
  const golden: FamilyGolden = JSON.parse(Deno.readTextFileSync(new URL(`${name}/golden.json`, FAMILIES)));

  Deno.test(`${name} as a Hugging Face folder agrees with PyTorch`, (test) =>
    withFolder(async (path) => {
      for (const file of [`${name}/config.json`, `${name}/model.safetensors`, "tokenizer.json"]) {
        await Deno.copyFile(new URL(file, FAMILIES), path(file.replace(`${name}/`, "")));
      }
      await using model = await loadModel(path(""), { weights: "f32", threads: 1 });
      await checkFamily(test, model, golden, `${name} as a folder`);
      await test.step("quantized weights, whatever the widths, are near", async () => {
        for (const [weights, most] of Object.entries(WEIGHT_ERRORS)) {
          await using quantized = await loadModel(path(""), { weights: weights as WeightFormat, threads: 1 });
          const logits = await quantized.read(quantized.createCache(), golden.ids, { logitsOf: golden.logits.length });
          const error = relativeError(logits, golden.logits.flat());
          assert(error < most, `${weights}: logits are off by ${error} of their size`);
        }
      });
    }));

  if (!golden.gguf) continue;
  Deno.test(`${name} as a GGUF file agrees with PyTorch`, async (test) => {
    const path = fileURLToPath(new URL(`${name}/model.gguf`, FAMILIES));
    await using model = await loadModel(path, { weights: "f32", threads: 1 });
    await checkFamily(test, model, golden, `${name} as GGUF`);
  });
}

function relativeError(given: Float32Array, expected: readonly number[]): number {
  const difference = expected.map((value, index) => value - given[index]);
  return Math.hypot(...difference) / Math.hypot(...expected);
}

async function checkFamily(
  test: Deno.TestContext,
  model: Model,
  golden: FamilyGolden,
  label: string,
): Promise<void> {
  let largest = 0;
  const compare = (what: string, logits: Float32Array, expected: readonly number[][]) => {
    const difference = largestDifference(logits, Float32Array.from(expected.flat()));
    largest = Math.max(largest, difference);
    assert(difference < TOLERANCE, `${what}: logits differ by ${difference}`);
  };
  const read = async (ids: readonly number[], chunkLength?: number): Promise<KvCache> => {
    const cache = model.createCache();
    await model.read(cache, ids, { chunkLength });
    return cache;
  };
  const checkReading = async ({ ids, logits, greedy }: Reading, chunkLength?: number) => {
    const what = chunkLength === undefined ? "whole" : `in chunks of ${chunkLength}`;
    const last = await model.read(model.createCache(), ids, { chunkLength, logitsOf: logits.length });
    compare(what, last, logits);
    const cache = await read(ids.slice(0, -1), chunkLength);
    const generated = await model.generateFrom(ids.slice(-1), { cache, ...GREEDY });
    assertEquals(generated.ids, greedy, what);
  };

  await test.step("logits and 32 greedy tokens, whole and in chunks", async () => {
    for (const chunkLength of [undefined, 17, 1]) await checkReading(golden, chunkLength);
  });

  if (golden.long !== undefined) {
    const long = golden.long;
    await test.step("a text beyond the original length", () => checkReading(long));
    await test.step("a text that grows beyond the original length", async () => {
      const cache = await read(long.ids.slice(0, golden.ids.length));
      cache.pin(0, 2);
      await model.read(cache, long.ids.slice(golden.ids.length, -1), { chunkLength: 7 });
      const { ids } = await model.generateFrom(long.ids.slice(-1), { cache, ...GREEDY });
      assertEquals(ids, long.greedy);
      assertEquals(cache.pins, [{ start: 0, end: 2 }]);
    });
    await test.step("an evicted text does not grow beyond the original length", async () => {
      const cache = await read(golden.ids);
      cache.compress(policy("knorm"), { compressionRatio: 0.5 });
      const rest = long.ids.slice(golden.ids.length);
      await assertRejects(() => model.read(cache, rest), RangeError, "read the longer text at once");
    });
  }

  for (const positions of ["logical", "compact"] as const) {
    const expected = golden[`ragged_${positions}`];
    if (expected === undefined) continue;
    await test.step(`heads that keep rows of their own, with ${positions} positions`, async () => {
      const cache = await read(golden.ids);
      // The script does the same: every other row, so that no head has all and the next token's position moves.
      const stays = (index: number) => positions === "logical" || index % 2 === 0;
      const choice = cache.layers().map(({ index: layer }) =>
        golden.ragged_rows[layer].map((kept, head) => {
          // A head with a window may have given up the rows that no later token sees.
          const live = cache.rowPositions(layer, head);
          return {
            rows: Uint32Array.from(kept.filter((_, index) => stays(index)), (position) => live.indexOf(position)),
          };
        })
      );
      cache.keep(choice, positions);
      const logits = await model.read(cache.fork(), golden.next, { logitsOf: "all" });
      compare(positions, logits, expected.logits);
      const { ids } = await model.generateFrom(golden.next, { cache, ...GREEDY, maxNewTokens: expected.greedy.length });
      assertEquals(ids, expected.greedy);
    });
  }

  await test.step("a saved cache goes on as if it had not been saved", () =>
    withFolder(async (path) => {
      await (await read(golden.ids.slice(0, -1))).save(path("cache"));
      const cache = await model.loadCache(path("cache"));
      const { ids } = await model.generateFrom(golden.ids.slice(-1), { cache, ...GREEDY });
      assertEquals(ids, golden.greedy);
    }));
  console.log(`${label}: logits differ by at most ${largest.toExponential(1)}`);
}
