import { definePolicy } from "./define_policy.ts";
import { checkCounts, type OptionsOf, withDefaults } from "./options.ts";
import { type Policy, SINK_TOKENS } from "./policy.ts";

/** Options of {@linkcode protect}, with their defaults. */
export const PROTECT_OPTIONS = {
  /** The first tokens of the text, which stay. */
  sinks: SINK_TOKENS,
  /** The newest rows of each head, which stay. */
  recent: 0,
} as const;

/**
 * The same policy with the text's first tokens and the newest rows kept: for comparisons in which every setting protects
 * the same rows.
 *
 * @throws {TypeError} if the policy ranks whole tokens: those protect sinks of their own
 */
export function protect(policy: Policy, options: OptionsOf<typeof PROTECT_OPTIONS> = {}): Policy {
  const { sinks, recent } = withDefaults("protect", PROTECT_OPTIONS, options);
  checkCounts("protect", { sinks, recent });
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
