import type { Need, Policy } from "../policies/policy.ts";

/** The signals that are not recorded while a text is read: they take a look of their own at the cache. */
export const OBSERVED_NEEDS: readonly ObservedNeed[] = [
  "outputNorm1",
  "reconstruction",
  "normalisedReconstruction",
  "predictedAttention",
];

/** One of {@linkcode OBSERVED_NEEDS}. */
export type ObservedNeed = "outputNorm1" | "reconstruction" | "normalisedReconstruction" | "predictedAttention";

/** The signals of a policy that want `await cache.observe(policy)`. */
export function observedNeeds({ needs }: Pick<Policy, "needs">): ObservedNeed[] {
  return needs.filter((need: Need): need is ObservedNeed => OBSERVED_NEEDS.some((observed) => observed === need));
}
