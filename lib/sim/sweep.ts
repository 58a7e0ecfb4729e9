import type { RetentionStats } from "../metrics/retention.ts";
import type { Policy } from "../policies/policy.ts";
import { simulate, type SimulateOptions } from "./simulate.ts";
import { syntheticSequence, type SyntheticSequenceOptions } from "./synthetic_sequence.ts";

/** Everything a simulation depends on but its policy; what is absent takes the original's default. */
export interface SimulationSetting extends SyntheticSequenceOptions, SimulateOptions {
  /** The newest tokens that a window policy keeps. */
  readonly windowSize?: number;
}

/** The original's numbers (github.com/0xAshraFF/KVMirror). */
export const SIMULATION_DEFAULTS = {
  sequenceLength: 4096,
  seed: 42,
  windowSize: 256,
  topk: 96,
  sinkTokens: 16,
  heavyHitterStride: 128,
  headCount: 8,
  headDim: 128,
  layerCount: 24,
  bytesPerValue: 2,
  compressionRatio: 0,
} as const;
