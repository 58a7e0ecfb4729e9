import { type Policy, policy, policyEntry, type PolicyOptions } from "kvmirror/policies";
import type { PositionMode } from "kvmirror/engine";
import { type Flags, usage, UsageError } from "./cli.ts";

/** The number flags of {@linkcode policyFromFlags}, as the original names them. */
export const POLICY_NUMBERS = ["window-size", "topk", "sink-tokens"] as const;

/**
 * The policy that `--policy` names with the numbers given beside it.
 *
 * @param defaults numbers for flags that are absent; those that the policy does not take are left out
 */
export function policyFromFlags(flags: Flags, fallback: string | undefined, defaults: PolicyOptions = {}): Policy {
  const name = flags.text("policy") ?? fallback;
  if (name === undefined) throw new UsageError("Cannot run without --policy: name one, deno task policies lists them");
  return usage(() => {
    const { options } = policyEntry(name);
    const taken = Object.fromEntries(
      Object.entries(defaults).filter(([option]) => options.includes(option as keyof PolicyOptions)),
    );
    return policy(name, { ...taken, ...givenNumbers(flags) });
  });
}

/** The numbers on the command line, by the options' names. */
export function givenNumbers(flags: Flags): PolicyOptions {
  return {
    ...(flags.number("window-size") === undefined ? {} : { windowSize: flags.number("window-size") }),
    ...(flags.number("topk") === undefined ? {} : { topk: flags.number("topk") }),
    ...(flags.number("sink-tokens") === undefined ? {} : { sinkTokens: flags.number("sink-tokens") }),
  };
}

/** The ratio that `--compression-ratio` names; 0 by default. */
export function ratioFromFlags(flags: Flags): number {
  const ratio = flags.number("compression-ratio") ?? 0;
  if (ratio >= 0 && ratio < 1) return ratio;
  throw new UsageError(`Cannot compress to ratio ${ratio} as it must be in [0, 1)`);
}

/** The mode that `--positions` names; `logical` by default. */
export function positionsFromFlags(flags: Flags): PositionMode {
  const mode = flags.text("positions") ?? "logical";
  if (mode === "logical" || mode === "compact") return mode;
  throw new UsageError(`Cannot place rows ${JSON.stringify(mode)}: --positions is logical or compact`);
}
