import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { type AgreementOf, proxyAgreement, type ProxyObservation } from "kvmirror/eval";

/** `[policy, proxy, truth]` of each context, at one ratio. */
function observe(contexts: [string, number, number][][], compression_ratio = 0.5): ProxyObservation[] {
  return contexts.flatMap((own, context) =>
    own.map(([policy, proxy, truth]) => ({ context, policy, compression_ratio, proxy, truth }))
  );
}

/** The proxy ranks policies rightly on average, wrongly on the second text, and texts of a policy the wrong way round. */
const MIXED = observe([
  [["a", 0.9, 0.8], ["b", 0.5, 0.6], ["c", 0.1, 0.2]],
  [["a", 0.8, 0.9], ["b", 0.2, 0.7], ["c", 0.3, 0.1]],
]);

const of = (observations: ProxyObservation[], ranked: AgreementOf) =>
  proxyAgreement(observations, ranked, { resamples: 200 });

Deno.test("three rankings of the same numbers say three things", () => {
  const policies = of(MIXED, "policies");
  assertEquals([policies.rankings, policies.correlation], [1, 1]);
  // The first text is ranked rightly, and on the second two neighbours change places: (1 + 0.5) / 2.
  const onContext = of(MIXED, "policies on a context");
  assertEquals(onContext.rankings, 2);
  assertAlmostEquals(onContext.correlation, 0.75, 1e-12);
  assertEquals([onContext.ci_low, onContext.ci_high].map((end) => Number(end.toFixed(6))), [0.5, 1]);
  // Policy a and b do better where the proxy says worse, and so does c.
  const contexts = of(MIXED, "contexts of a policy");
  assertEquals([contexts.rankings, contexts.correlation], [3, -1]);
});

Deno.test("ratios are not mixed: a proxy that only knows how many rows there are ranks nothing", () => {
  const sizes = [0.25, 0.75].flatMap((ratio) =>
    observe([[["a", 1 - ratio, 1], ["b", 1 - ratio, 0]], [["a", 1 - ratio, 0], ["b", 1 - ratio, 1]]], ratio)
  );
  for (const ranked of ["policies", "policies on a context", "contexts of a policy"] as const) {
    const { rankings, correlation } = of(sizes, ranked);
    assertEquals([rankings, correlation], [0, NaN]);
  }
  const two = [
    ...MIXED,
    ...MIXED.map((observation) => ({ ...observation, compression_ratio: 0.75, truth: -observation.truth })),
  ];
  assertEquals(of(two, "policies"), { ranked: "policies", rankings: 2, correlation: 0, ci_low: 0, ci_high: 0 });
});

Deno.test("rankings in which all answers are alike do not count", () => {
  const half = [
    ...MIXED,
    ...observe([[["a", 1, 0], ["b", 2, 0], ["c", 3, 0]]]).map((each) => ({ ...each, context: 2 })),
  ];
  const { rankings, correlation } = of(half, "policies on a context");
  assertEquals(rankings, 2);
  assertAlmostEquals(correlation, 0.75, 1e-12);
});

Deno.test("the interval widens with fewer contexts, and nothing to rank is refused", () => {
  const noisy = (count: number) =>
    observe(
      Array.from({ length: count }, (_, context) =>
        ["a", "b", "c", "d"].map((
          policy,
          index,
        ): [string, number, number] => [policy, index, (index * 7 + context * 5) % 11])),
    );
  const width = (count: number) => {
    const { ci_low, ci_high } = of(noisy(count), "policies on a context");
    return ci_high - ci_low;
  };
  assert(width(40) < width(10));
  assertThrows(() => of([], "policies"), RangeError, "0 clusters");
});
