import { checkNeeds } from "../policies/check_needs.ts";
import type { Need, Policy } from "../policies/policy.ts";
import { observedNeeds } from "./observed_need.ts";

/**
 * Refuses a policy that needs what a cache does not have.
 *
 * @param signals what the cache has
 * @param known whether a rewind lost some of what was recorded
 * @throws {TypeError} that names the policy, the signal and what there is
 */
export function checkSignals(policy: Policy, signals: readonly Need[], known: "all" | "some lost"): void {
  const unseen = observedNeeds(policy).find((need) => !signals.includes(need));
  if (unseen !== undefined) {
    throw new TypeError(
      `Cannot compress with ${policy.name} as it needs ${unseen}, which reading does not record: ` +
        `call "await cache.observe(policy)" first`,
    );
  }
  checkNeeds(policy, signals, known === "all" ? "this cache" : "this cache, rewound to where nothing was marked,");
}
