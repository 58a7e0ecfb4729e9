import type { Need, Policy } from "./policy.ts";

/** A signal in words, for messages. */
export function describeNeed(need: Need): string {
  if (typeof need === "string") return need;
  const queries = need.queries === "all"
    ? "all queries"
    : need.queries === 1
    ? "the newest query"
    : `the last ${need.queries} queries`;
  return `attention (${need.attention} over ${queries}${need.decay === undefined ? "" : `, decay ${need.decay}`})`;
}

/** Whether two needs name the same signal. */
export function sameNeed(one: Need, other: Need): boolean {
  if (typeof one === "string" || typeof other === "string") return one === other;
  return one.attention === other.attention && one.queries === other.queries && one.decay === other.decay;
}

/**
 * Refuses a policy that reads a signal which its runner does not have, before anything is chosen.
 *
 * @param available the runner's signals
 * @param runner who has them, for the message: "a synthetic sequence"
 * @throws {TypeError} that names the policy, the signal and what there is
 */
export function checkNeeds(policy: Policy, available: readonly Need[], runner: string): void {
  const missing = policy.needs.find((need) => !available.some((signal) => sameNeed(need, signal)));
  if (missing === undefined) return;
  const has = available.length === 0 ? "no signals" : available.map(describeNeed).join(", ");
  throw new TypeError(`Cannot run policy ${policy.name} as it needs ${describeNeed(missing)}: ${runner} has ${has}`);
}
