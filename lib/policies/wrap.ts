import type { Policy, PolicyDefinition } from "./policy.ts";

/**
 * The definition of a policy that a wrapper may wrap: one that scores rows and leaves budget and selection to the wrapper.
 *
 * @throws {TypeError} if the policy ranks tokens, or shares out or selects rows itself
 */
export function scorerOf(policy: Policy, wrapper: string): PolicyDefinition {
  const { definition } = policy;
  if (definition === undefined) {
    throw new TypeError(`Cannot wrap ${policy.name} in ${wrapper} as it ranks whole tokens: wrap one that scores rows`);
  }
  const own = definition.allocate !== undefined
    ? "shares out rows"
    : definition.select !== undefined
    ? "selects rows"
    : undefined;
  if (own === undefined) return definition;
  throw new TypeError(`Cannot wrap ${policy.name} in ${wrapper} as it ${own} itself: wrap one that scores rows only`);
}
