import { definePolicy } from "./define_policy.ts";
import type { Policy, Protection } from "./policy.ts";

/**
 * The same policy with the text's first tokens and the newest rows kept: for comparisons in which every arm protects the
 * same. 4 sinks by default.
 *
 * @throws {TypeError} if the policy ranks whole tokens: those protect sinks of their own
 */
export function protect(policy: Policy, { sinks = 4, recent = 0 }: Protection = {}): Policy {
  const { definition } = policy;
  if (definition === undefined) {
    throw new TypeError(`Cannot wrap ${policy.name} in protect as it ranks whole tokens: give it sinkTokens`);
  }
  return definePolicy({
    ...definition,
    name: `protect(${definition.name})`,
    protect: {
      sinks: Math.max(sinks, definition.protect?.sinks ?? 0),
      recent: Math.max(recent, definition.protect?.recent ?? 0),
    },
  });
}
