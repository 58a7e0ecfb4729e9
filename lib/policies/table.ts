import { nearestName } from "../numeric/nearest_name.ts";
import { heavyHitter } from "./heavy_hitter.ts";
import { hybrid } from "./hybrid.ts";
import { keepAll } from "./keep_all.ts";
import type { Policy } from "./policy.ts";
import { random } from "./random.ts";
import { recentWindow } from "./recent_window.ts";
import { streamingLlm } from "./streaming_llm.ts";

/** The numbers that policies take, by the names that flags and JSON share. */
export interface PolicyOptions {
  /** The newest tokens that stay. */
  readonly windowSize?: number;
  /** The highest-ranked tokens that stay. */
  readonly topk?: number;
  /** The first tokens of the text, which always stay. */
  readonly sinkTokens?: number;
  /** Seed of a random choice. */
  readonly seed?: number;
}

/** One line of the table. */
export interface PolicyEntry {
  /** Makes the policy. */
  readonly create: (options?: PolicyOptions) => Policy;
  /** The options it takes. */
  readonly options: readonly (keyof PolicyOptions)[];
}

const ORIGINAL: PolicyEntry["options"] = ["windowSize", "topk", "sinkTokens"];

/** Every policy by name. */
export const POLICIES: Readonly<Record<string, PolicyEntry>> = {
  keep_all: { create: keepAll, options: [] },
  random: { create: random, options: ["seed", "sinkTokens"] },
  recent_window: { create: recentWindow, options: ORIGINAL },
  heavy_hitter: { create: heavyHitter, options: ORIGINAL },
  hybrid: { create: hybrid, options: ORIGINAL },
  streaming_llm: { create: streamingLlm, options: ["sinkTokens"] },
};

/** The names of all policies, in the table's order. */
export function policyNames(): string[] {
  return Object.keys(POLICIES);
}

/**
 * Looks a policy up by name.
 *
 * @throws {RangeError} if there is no such policy, or it does not take an option
 *
 * @example
 * ```ts
 * import { policy } from "kvmirror/policies";
 *
 * const ofABudget = policy("hybrid");
 * const ofItsOwnNumbers = policy("hybrid", { windowSize: 192, topk: 96 });
 * ```
 */
export function policy(name: string, options: PolicyOptions = {}): Policy {
  const entry = policyEntry(name);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  for (const option of Object.keys(given)) {
    if (!entry.options.includes(option as keyof PolicyOptions)) {
      const takes = entry.options.length > 0 ? `its options are ${entry.options.join(", ")}` : "it takes no options";
      throw new RangeError(`Cannot set ${option} on policy ${name}: ${takes}`);
    }
  }
  return entry.create(given);
}

/**
 * The table's line for a policy.
 *
 * @throws {RangeError} if there is no such policy; the message names the nearest
 */
export function policyEntry(name: string): PolicyEntry {
  if (Object.hasOwn(POLICIES, name)) return POLICIES[name];
  const near = nearestName(name, policyNames());
  throw new RangeError(
    `Cannot find policy ${JSON.stringify(name)}: ${near ? `did you mean ${near}? The` : "the"} policies are ${
      policyNames().join(", ")
    }`,
  );
}
