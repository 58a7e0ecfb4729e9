import { checkOptions, type OptionNames } from "../numeric/nearest_name.ts";
import type { RetentionStats } from "../metrics/retention.ts";
import type { Policy } from "../policies/policy.ts";
import { simulate, type SimulateOptions } from "./simulate.ts";
import { syntheticSequence, type SyntheticSequenceOptions } from "./synthetic_sequence.ts";

/** One row of a sweep: the policy, its setting, and what was kept; flat and named as in the JSON, for tables and charts. */
export interface SweepRow extends RetentionStats {
  /** The policy's name. */
  readonly policy: string;
  /** Tokens. */
  readonly sequence_length: number;
  /** Seed of the sequence. */
  readonly seed: string;
  /** First tokens that are sinks. */
  readonly sink_tokens: number;
  /** The setting's window; null where it names none. */
  readonly window_size: number | null;
  /** The setting's k; null where it names none. */
  readonly topk: number | null;
  /** Fraction of rows removed, for policies without numbers of their own. */
  readonly compression_ratio: number;
  /** Cache bytes of one token. */
  readonly bytes_per_token: number;
}

/** A sequence, what it is measured by, and a number for policies to follow. */
export interface SweepSetting extends SyntheticSequenceOptions, SimulateOptions {
  /** The newest tokens that a window policy is to keep: `policies` reads it, and it is a column. */
  readonly windowSize?: number;
}

const SWEEP_SETTING: OptionNames<SweepSetting> = {
  sequenceLength: true,
  seed: true,
  sinkTokens: true,
  heavyHitterStride: true,
  topk: true,
  compressionRatio: true,
  layerCount: true,
  headCount: true,
  headDim: true,
  bytesPerValue: true,
  windowSize: true,
};

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
 * const settings = [128, 256].map((windowSize) => ({ sequenceLength: 1024, windowSize }));
 * const rows = sweep(settings, ({ windowSize }) => [policy("recent_window", { windowSize })]);
 * assertEquals(rows.map((row) => [row.window_size, row.kept_tokens]), [[128, 144], [256, 272]]);
 * ```
 */
export function sweep(
  settings: readonly SweepSetting[],
  policies: (setting: SweepSetting) => readonly Policy[],
): SweepRow[] {
  return settings.flatMap((setting) => {
    checkOptions("sweep", setting, SWEEP_SETTING);
    const { windowSize: _, sequenceLength, seed, sinkTokens, heavyHitterStride, ...simulated } = setting;
    const sequence = syntheticSequence({ sequenceLength, seed, sinkTokens, heavyHitterStride });
    return policies(setting).map((policy) => {
      const { stats, sequence_length, bytes_per_token } = simulate(sequence, policy, simulated);
      return {
        policy: policy.name,
        sequence_length,
        seed: String(setting.seed ?? 42),
        sink_tokens: sequence.sinkTokens,
        window_size: setting.windowSize ?? null,
        topk: setting.topk ?? null,
        compression_ratio: setting.compressionRatio ?? 0,
        bytes_per_token,
        ...stats,
      };
    });
  });
}
