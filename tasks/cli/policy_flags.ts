import type { PositionMode } from "kvmirror/engine";
import { type Policy, policy, policyEntry, type PolicyOptions } from "kvmirror/policies";
import { type Flags, usage } from "./flags.ts";
import { UsageError } from "./run_task.ts";

/** The number flags of {@linkcode policyFromFlags}, as the original names them. */
export const POLICY_NUMBERS = ["window-size", "topk", "sink-tokens"] as const;

/** The original's numbers, where the command line gives none. */
const ORIGINAL_DEFAULTS: PolicyOptions = { windowSize: 256, topk: 96, sinkTokens: 16 };

/** The policy that `--policy` names with the numbers given beside it; a number that it does not take is a usage error. */
export function policyFromFlags(flags: Flags, fallback: string): Policy {
  return usage(() => policy(flags.text("policy") ?? fallback, givenNumbers(flags)));
}

/**
 * The policy that `--policy` names, `hybrid` by default, for the simulator and the replay. Without a compression ratio the
 * original's numbers stand where none are given; a number that the policy does not take may still set the recall target,
 * as in the original. A policy that has no numbers wants a ratio: without one it would keep everything and look perfect.
 */
export function traceablePolicyFromFlags(flags: Flags): Policy {
  const name = flags.text("policy") ?? "hybrid";
  if (flags.number("compression-ratio") !== undefined) return policyFromFlags(flags, name);
  return usage(() => {
    const { options } = policyEntry(name);
    if (name !== "keep_all" && !("topk" in options)) {
      throw new UsageError(`Cannot run policy ${name} without a budget: give --compression-ratio`);
    }
    const numbers = Object.entries({ ...ORIGINAL_DEFAULTS, ...givenNumbers(flags) });
    return policy(
      name,
      Object.fromEntries(numbers.filter(([option]) => Object.hasOwn(options, option))),
    );
  });
}

/** The numbers on the command line, by the options' names. */
export function givenNumbers(flags: Flags): PolicyOptions {
  const numbers: Record<string, number> = {};
  for (const [flag, option] of [["window-size", "windowSize"], ["topk", "topk"], ["sink-tokens", "sinkTokens"]]) {
    const value = flags.number(flag);
    if (value === undefined) continue;
    if (value < 0) throw new UsageError(`Cannot use --${flag} ${value} as it must be at least 0`);
    numbers[option] = value;
  }
  return numbers;
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
