import type { PositionMode } from "kvmirror/engine";
import { type Policy, policy, policyEntry, type PolicyOptions } from "kvmirror/policies";
import { type Flags, usage } from "./flags.ts";
import type { OwnPolicies } from "./policy_file.ts";
import { UsageError } from "./usage_error.ts";

/** The number flags of {@linkcode policyFromFlags}, as the original names them, and the options they set. */
const POLICY_NUMBERS = [["window-size", "windowSize"], ["topk", "topk"], ["sink-tokens", "sinkTokens"]] as const;

/** The policy that `--policy` names with the numbers given beside it; a number that it does not take is a usage error. */
export function policyFromFlags(flags: Flags, own: OwnPolicies): Policy {
  return usage(() => policy(flags.text("policy")!, givenNumbers(flags), own));
}

/**
 * The policy that `--policy` names, for the simulator and the replay. Without a compression ratio the
 * original's numbers stand where none are given; a number that the policy does not take may still set the recall target,
 * as in the original. A policy that has no numbers wants a ratio: without one it would keep everything and look perfect.
 */
export function traceablePolicyFromFlags(flags: Flags, own: OwnPolicies): Policy {
  const name = flags.text("policy")!;
  if (flags.given("compression-ratio")) return policyFromFlags(flags, own);
  return usage(() => {
    const { options } = policyEntry(name, own);
    if (name !== "keep_all" && !("topk" in options)) {
      throw new UsageError(`Cannot run policy ${name} without a budget: give --compression-ratio`);
    }
    checkNumbers(flags);
    const numbers = POLICY_NUMBERS.map(([flag, option]) => [option, flags.number(flag)] as const);
    return policy(
      name,
      Object.fromEntries(numbers.filter(([option]) => Object.hasOwn(options, option))),
    );
  });
}

/** The numbers on the command line, by the options' names. */
export function givenNumbers(flags: Flags): PolicyOptions {
  checkNumbers(flags);
  const given = POLICY_NUMBERS.filter(([flag]) => flags.given(flag));
  return Object.fromEntries(given.map(([flag, option]) => [option, flags.number(flag)]));
}

function checkNumbers(flags: Flags): void {
  for (const [flag] of POLICY_NUMBERS) {
    const value = flags.number(flag) ?? 0;
    if (value < 0) throw new UsageError(`Cannot use --${flag} ${value} as it must be at least 0`);
  }
}

/** The ratio that `--compression-ratio` names; 0 by default. */
export function ratioFromFlags(flags: Flags): number {
  const ratio = flags.number("compression-ratio") ?? 0;
  if (ratio >= 0 && ratio < 1) return ratio;
  throw new UsageError(`Cannot compress to ratio ${ratio} as it must be in [0, 1)`);
}

/** The mode that `--positions` names; `logical` by default. */
export function positionsFromFlags(flags: Flags): PositionMode {
  const mode = flags.text("positions")!;
  if (mode === "logical" || mode === "compact") return mode;
  throw new UsageError(`Cannot place rows ${JSON.stringify(mode)}: --positions is logical or compact`);
}
