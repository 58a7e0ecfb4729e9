import { defaultFrequencies } from "../../../lib/numeric/rotary.ts";
import { uniformRotary } from "../../fixtures/uniform_rotary.ts";
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import type { KvCache, Model } from "kvmirror/engine";
import { retentionRecall } from "kvmirror/eval";
import { type Choice, definePolicy, type Layer, type Policy, policy, type Signal } from "kvmirror/policies";
import { openCheckpoint } from "../../fixtures/golden.ts";

/** Keeps these rows of the first head and those of the second. */
function keeping(first: number[], second: number[]): Policy {
  return {
    name: "own",
    signals: [],
    choose: () => [[first, second].map((rows) => ({ rows: Uint32Array.from(rows) }))],
  };
}

/** Two heads of four rows whose attention is given: of the context's newest query, then of the tokens that follow. */
class AttendedCache {
  #kept: readonly number[][] = [[0, 1, 2, 3], [0, 1, 2, 3]];
  #reads = 0;
  constructor(readonly newest: number[][], readonly later: number[][]) {}

  layers(): Layer[] {
    const heads = this.#kept.map((rows, head) => ({
      positions: Int32Array.from(rows),
      signal: (signal: Signal) =>
        Float32Array.from(rows, (row) => {
          if (typeof signal !== "string" && signal.queries === 1) return this.newest[head][row];
          return 0.25 + (this.#reads > 1 ? this.later[head][row] : 0);
        }),
    }));
    return [{
      index: 0,
      heads,
      model: { layerCount: 1, headDim: 1, groupSize: 1, rotary: uniformRotary(1, defaultFrequencies(1, 10_000)) },
    }];
  }

  read(): void {
    this.#reads++;
  }

  readonly signals: readonly Signal[] = [];
  readonly longestHead = 4;

  keep([heads]: Choice): void {
    this.#kept = heads.map(({ rows }) => [...rows]);
  }

  observe(): Promise<void> {
    return Promise.resolve();
  }

  fork(): AttendedCache {
    const fork = new AttendedCache(this.newest, this.later);
    fork.#reads = this.#reads;
    return fork;
  }

  [Symbol.dispose](): void {}
}

/** A model whose attention is given; nothing else of it is asked for. */
function attending(newest: number[][], later: number[][]): Pick<Model, "read" | "createCache"> {
  return {
    createCache: () => new AttendedCache(newest, later) as unknown as KvCache,
    read: (cache) => {
      (cache as unknown as AttendedCache).read();
      return Promise.resolve(new Float32Array(0));
    },
  };
}

Deno.test("by hand: two targets of two tokens, and the share of later attention", async () => {
  const model = attending([[8, 1, 0, 0], [0, 5, 1, 0]], [[0, 0, 3, 1], [1, 0, 2, 1]]);
  const settings = [keeping([0, 1], [1, 2]), keeping([2, 3], [0, 2])].map((policy) => ({
    policy,
    compressionRatio: 0.5,
  }));
  const [one, other] = await retentionRecall(model, [1, 1, 1, 1], [1], settings, { topk: 2 });
  // The newest query looks at tokens 0 and 1, the later token at 2 and 3.
  assertEquals(one, {
    policy: "own",
    compression_ratio: 0.5,
    heavy_hitter_recall: 0.75,
    later_recall: 0.25,
    later_attention: 0.25,
  });
  assertEquals(other, {
    policy: "own",
    compression_ratio: 0.5,
    heavy_hitter_recall: 0.25,
    later_recall: 0.75,
    later_attention: (1 + 0.75) / 2,
  });
});

Deno.test("a real model: the full cache keeps all, a ranking by the target cannot miss it, shares are of the newest alone", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  const ids = model.tokenizer.encode("Farmers bring apples and bread to the market on Saturday. ".repeat(4));
  const [context, later] = [ids.slice(0, 40), ids.slice(40, 48)];
  const newest = definePolicy({
    name: "newest",
    signals: [],
    score: ({ heads }) => heads.map(({ positions }) => Float32Array.from(positions)),
  });
  const settings = [policy("keep_all"), policy("heavy_hitter", { sinkTokens: 0 }), policy("random"), newest].map((
    policy,
  ) => (
    { policy, compressionRatio: policy.name === "keep_all" ? 0 : 0.75 }
  ));
  const [all, own, random, last] = await retentionRecall(model, context, later, settings, { topk: 10 });
  assertEquals([all.heavy_hitter_recall, all.later_recall, all.later_attention], [1, 1, 1]);
  assertEquals(own.heavy_hitter_recall, 1);
  assert(random.heavy_hitter_recall < 1 && random.later_recall < 1);
  // By another way: one later token at a time, its attention read off the newest query.
  const cache = model.createCache([1]);
  await model.read(cache, context, { logitsOf: "none" });
  const heads = cache.layers().flatMap((layer) => layer.heads).length;
  const [kept, whole] = [new Float64Array(heads), new Float64Array(heads)];
  for (const id of later) {
    await model.read(cache, [id], { logitsOf: "none" });
    cache.layers().flatMap((layer) => layer.heads).forEach((head, index) =>
      head.signal({ attention: "sum", queries: 1 }).subarray(0, 40).forEach((value: number, row: number) => {
        whole[index] += value;
        if (row >= 30) kept[index] += value;
      })
    );
  }
  assertAlmostEquals(
    last.later_attention,
    kept.reduce((sum, value, index) => sum + value / whole[index], 0) / heads,
    1e-5,
  );
});

Deno.test("no context, or nothing after it, is refused", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  await assertRejects(() => retentionRecall(model, [1, 2], [], []), RangeError, "from 0 tokens after 2");
  await assertRejects(() => retentionRecall(model, [], [1], []), RangeError, "from 1 tokens after 0");
});
