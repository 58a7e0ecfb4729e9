import type { RetentionStats } from "../metrics/retention.ts";
import type { Policy } from "../policies/policy.ts";
import { simulate, type SimulateOptions } from "./simulate.ts";
import { syntheticSequence, type SyntheticSequenceOptions } from "./synthetic_sequence.ts";

/** One row of a sweep: the policy, what the sequence was drawn from, and what was kept. */
export interface SweepRow extends RetentionStats {
  /** The policy's name. */
  readonly policy: string;
  /** Tokens. */
  readonly sequence_length: number;
  /** Seed of the sequence. */
  readonly seed: string;
}

/** A sequence and what it is measured by. */
export interface SweepSetting extends SyntheticSequenceOptions, SimulateOptions {}

/**
 * Runs every policy on every setting; each sequence is drawn once.
 *
 * @param policies makes the policies of a setting, so that their numbers may depend on it
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { sweep } from "kvmirror";
 * import { policy } from "kvmirror/policies";
 *
 * const settings = [512, 1024].map((sequenceLength) => ({ sequenceLength }));
 * const rows = sweep(settings, () => [policy("recent_window", { windowSize: 256 })]);
 * assertEquals(rows.map((row) => row.kept_tokens), [272, 272]);
 * ```
 */
export function sweep(
  settings: readonly SweepSetting[],
  policies: (setting: SweepSetting) => readonly Policy[],
): SweepRow[] {
  return settings.flatMap((setting) => {
    const sequence = syntheticSequence(setting);
    return policies(setting).map((policy) => {
      const { stats, sequence_length } = simulate(sequence, policy, setting);
      return { policy: policy.name, sequence_length, seed: String(setting.seed ?? 42), ...stats };
    });
  });
}
