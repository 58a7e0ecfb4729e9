import type { Policy, Recipe } from "./policy.ts";

/**
 * The recipe of a policy that a wrapper may wrap: one that scores rows and leaves budget and selection to the wrapper.
 *
 * @throws {TypeError} if the policy ranks tokens, or shares out or selects rows itself
 */
export function scorerOf(policy: Policy, wrapper: string): Recipe {
  const { recipe } = policy;
  if (recipe === undefined) {
    throw new TypeError(`Cannot wrap ${policy.name} in ${wrapper} as it ranks whole tokens: wrap one that scores rows`);
  }
  const own = recipe.allocate !== undefined
    ? "shares out rows"
    : recipe.select !== undefined
    ? "selects rows"
    : undefined;
  if (own === undefined) return recipe;
  throw new TypeError(`Cannot wrap ${policy.name} in ${wrapper} as it ${own} itself: wrap one that scores rows only`);
}
