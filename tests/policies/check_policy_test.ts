import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  type BudgetShare,
  checkPolicy,
  definePolicy,
  eachHead,
  type Policy,
  policy,
  policyNames,
  type PolicyRule,
} from "kvmirror/policies";
import { ROW_SIGNALS } from "../../lib/engine/cache/cached_signals.ts";
import { snapshot, syntheticCache } from "../fixtures/synthetic_cache.ts";

const CACHES = [1, 17, 130, 300].map((rows) => syntheticCache(rows).layers());

/** Wrapped policies and those of whole chunks or pyramids, and who shares the budget there. */
const SHARES: Readonly<Record<string, { budget: BudgetShare; slack?: number }>> = {
  keep_all: { budget: "none" },
  pyramidkv: { budget: "model", slack: 1 },
  "adakv(snapkv)": { budget: "layer" },
  "chunkkv(keydiff)": { budget: "head", slack: 40 },
};

for (
  const name of [
    "recent_window",
    "hybrid",
    "streaming_llm",
    "random",
    "tova",
    "snapkv",
    "lagkv",
    ...Object.keys(SHARES),
  ]
) {
  Deno.test(`${name} keeps every promise`, () => {
    assertEquals(checkPolicy(policy(name), CACHES, SHARES[name]), []);
  });
}

Deno.test("every policy that reads what a prefill records names it, writes nothing and chooses the same again", () => {
  const recorded = policyNames().map((name) => policy(name)).filter(({ signals }) =>
    signals.every((signal) => typeof signal !== "string" || ROW_SIGNALS.some((known) => known === signal))
  );
  assert(recorded.length > 10);
  for (const each of recorded) {
    assertEquals(checkPolicy(each, CACHES, { ...SHARES[each.name], budget: "none" }), []);
  }
});

const newest = {
  name: "newest",
  signals: [],
  score: eachHead(({ positions }) => Float32Array.from(positions)),
} as const;

/** A policy that keeps the rows that `rows` says of each head. */
function keeping(rows: (count: number, kept: number) => number[], signals: Policy["signals"] = []): Policy {
  return {
    name: "own",
    signals,
    choose: (layers, budget) =>
      layers.map(({ heads }) =>
        heads.map(({ positions }) => ({ rows: Uint32Array.from(rows(positions.length, budget.rows)) }))
      ),
  };
}

function broken(own: Policy, rule: PolicyRule, message: string, options = {}): void {
  const found = checkPolicy(own, CACHES, options);
  assertEquals(found.map((violation) => violation.rule), [rule]);
  assertStringIncludes(found[0].message, message);
}

const first = (count: number) => [...Array(count).keys()];

Deno.test("rows that are not there, doubled or out of order: policy, layer, head and row are named", () => {
  broken(
    keeping((count) => [count]),
    "rows",
    "Cannot keep row 1 as there are 1 rows: policy own, layer 0, kv head 0, ratio 0 of 1 rows",
  );
  broken(keeping((_, kept) => [...first(kept), kept - 1]), "rows", "Cannot keep row 0 after row 0 as rows must ascend");
  broken(keeping((_, kept) => first(kept).reverse()), "rows", "Cannot keep row 15 after row 16");
  const [{ layer, kv_head, row, cache_rows, times }] = checkPolicy(keeping((count) => [count]), CACHES);
  assertEquals({ layer, kv_head, row, cache_rows }, { layer: 0, kv_head: 0, row: 1, cache_rows: 1 });
  assertEquals(times, 4 * 7 * 6, "four caches, seven ratios, six heads");
});

Deno.test("choices for too few layers or heads", () => {
  broken({ name: "own", signals: [], choose: () => [] }, "rows", "Cannot keep rows of 0 layers of 2");
  broken(
    { name: "own", signals: [], choose: () => [[], []] },
    "rows",
    "Cannot keep rows of 0 kv heads of 3: policy own, layer 0",
  );
});

Deno.test("what is no choice: nothing, no lists, rows of another type", () => {
  const choosing = (choice: unknown): Policy => ({ ...keeping(() => []), choose: () => choice as never });
  broken(choosing(undefined), "choice", "Cannot keep rows by no choice: policy own");
  for (const choice of [null, {}, [undefined, []], [[], 5]]) {
    broken(choosing(choice), "rows", "Cannot keep rows as a choice is a list of layers, each a list of its kv heads'");
  }
  for (const head of [undefined, {}, { rows: [0] }, { rows: Float64Array.of(0) }]) {
    const message = "as a kv head's choice is { rows: Uint32Array }: policy own, layer 0, kv head 0";
    broken(choosing([[head, head, head], [head, head, head]]), "rows", message);
  }
});

Deno.test("more rows than the budget gives, fewer, and some lost at ratio 0", () => {
  broken(keeping((count) => first(count)), "budget", "Cannot keep 17 rows as the budget gives 15");
  broken(keeping((_, kept) => first(Math.max(1, kept - 1))), "budget", "Cannot keep 16 rows as the budget gives 17");
  broken(keeping((_, kept) => first(Math.max(1, kept - 1))), "budget", "ratio 0 of 17 rows", { slack: 1 });
  broken(policy("adakv(knorm)"), "budget", "as the budget gives");
  assertEquals(checkPolicy(policy("adakv(knorm)"), CACHES, { budget: "layer" }), []);
});

Deno.test("protected rows that go, though there was room", () => {
  broken(definePolicy(newest), "protection", "Cannot evict row 0 as it is protected", { protect: { sinks: 4 } });
  assertEquals(checkPolicy(definePolicy({ ...newest, protect: { sinks: 4 } }), CACHES), []);
});

Deno.test("a draw that is another each time, and what a policy remembers", () => {
  const dice = eachHead(({ positions }) => Float32Array.from(positions, () => Math.random()));
  broken(definePolicy({ ...newest, score: dice }), "determinism", "once and not again: policy newest, layer");
  let calls = 0;
  const tired = eachHead(({ positions }) => Float32Array.from(positions, (at) => calls++ < 5000 ? at : -at));
  broken(definePolicy({ ...newest, score: tired }), "determinism", "once and not again");
});

Deno.test("signals that are read unnamed, or written into; the cache is unharmed", () => {
  broken(
    definePolicy({
      ...newest,
      score: eachHead((head) => Float32Array.from(head.positions, (at) => head.signal("novelty")[at])),
    }),
    "signals",
    "Cannot read novelty as it is not among its signals: policy newest, layer 0, kv head 0",
  );
  const cache = syntheticCache(40);
  const before = snapshot(cache);
  const sorted = definePolicy({
    ...newest,
    signals: ["keys"],
    score: eachHead((head) => head.signal("keys").sort().subarray(0, 40)),
  });
  const [violation] = checkPolicy(sorted, [cache.layers()], { compressionRatios: [0.5] });
  assertStringIncludes(violation.message, "Cannot write into keys, row 0, as runners share it: policy newest, layer 0");
  assertEquals(snapshot(cache), before);
});

Deno.test("errors of a policy are its violation: scores that are NaN, signals that were not recorded", () => {
  const nan = eachHead(({ positions }) => Float32Array.from(positions, (at) => at === 3 ? NaN : 0));
  broken(
    definePolicy({ ...newest, score: nan }),
    "choice",
    "Cannot choose rows as the score of row 3 is NaN: policy newest, layer 0, kv head 0, ratio 0.1 of 17 rows",
  );
  const far = { attention: "sum", queries: 7 } as const;
  broken(
    definePolicy({ ...newest, signals: [far], score: eachHead((head) => head.signal(far)) }),
    "choice",
    "as it was not recorded: policy newest",
  );
});

Deno.test("no caches, and ratios that cannot be", () => {
  assertThrows(() => checkPolicy(definePolicy(newest), []), RangeError, "on 0 caches");
  assertThrows(() => checkPolicy(definePolicy(newest), CACHES, { compressionRatios: [1] }), RangeError, "ratio 1");
});
