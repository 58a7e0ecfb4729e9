import { type Displayable, type DisplayBundle, shownAs } from "../display/display.ts";
import { factsDisplay, grouped, inMebibytes } from "../display/facts.ts";
import { checkOptions, type OptionNames } from "../numeric/nearest_name.ts";
import { NO_ROTATION } from "../numeric/rotary.ts";
import { bytesPerToken, type CacheShape } from "../metrics/bytes_per_token.ts";
import { type RetentionStats, retentionStats } from "../metrics/retention.ts";
import type { Vector } from "../numeric/vectors.ts";
import { budgetForRatio } from "../policies/budget.ts";
import { checkSignals, describeSignal, sameSignal } from "../policies/check_signals.ts";
import type { Layer, Policy, Signal } from "../policies/policy.ts";
import type { SyntheticSequence } from "./synthetic_sequence.ts";

/** What {@linkcode simulate} measures by; the defaults are the original's. */
export interface SimulateOptions extends Partial<CacheShape> {
  /** Size of the recall target: the `topk` tokens with the most attention; 96 by default. */
  readonly topk?: number;
  /** The budget of policies without numbers of their own, in [0, 1); 0 by default. */
  readonly compressionRatio?: number;
}

const SIMULATE_OPTIONS: OptionNames<SimulateOptions> = {
  topk: true,
  compressionRatio: true,
  layerCount: true,
  headCount: true,
  headDim: true,
  bytesPerValue: true,
};

/** One simulation, by the names that JSON gives it. */
export interface Simulation {
  /** The policy's name. */
  readonly policy: string;
  /** Tokens. */
  readonly sequence_length: number;
  /** Cache bytes of one token. */
  readonly bytes_per_token: number;
  /** What was kept. */
  readonly stats: RetentionStats;
}

/**
 * Runs a policy on a synthetic sequence and measures what it keeps.
 *
 * @throws {TypeError} if the policy reads a signal that a synthetic sequence does not have
 * @throws {RangeError} if an option is outside its range
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { simulate, syntheticSequence } from "kvmirror";
 * import { policy } from "kvmirror/policies";
 *
 * const sequence = syntheticSequence({ sequenceLength: 1024 });
 * const { stats } = simulate(sequence, policy("hybrid", { windowSize: 192, topk: 96 }), { topk: 96 });
 * assertEquals(stats.kept_tokens, 228);
 * ```
 */
export function simulate(
  sequence: SyntheticSequence,
  policy: Policy,
  options: SimulateOptions = {},
): Simulation & Displayable {
  checkOptions("simulate", options, SIMULATE_OPTIONS);
  const { topk = 96, compressionRatio = 0, layerCount = 24, headCount = 8, headDim = 128, bytesPerValue = 2 } = options;
  checkSignals(policy, SEQUENCE_SIGNALS, "a synthetic sequence");
  const bytes = bytesPerToken({ layerCount, headCount, headDim, bytesPerValue });
  const [[{ rows }]] = policy.choose([sequenceLayer(sequence)], budgetForRatio(sequence.length, compressionRatio));
  const { attention, sinkTokens } = sequence;
  const simulation = {
    policy: policy.name,
    sequence_length: sequence.length,
    bytes_per_token: bytes,
    stats: retentionStats(rows, { attention, topk, sinkTokens, bytesPerToken: bytes }),
  };
  return shownAs(simulation, () => simulationDisplay(simulation));
}

function simulationDisplay({ policy, sequence_length, stats }: Simulation): DisplayBundle {
  return factsDisplay({
    name: `Simulation of ${policy}`,
    facts: [
      ["tokens", `${grouped(stats.kept_tokens)} of ${grouped(sequence_length)} kept`],
      ["bytes", `${inMebibytes(stats.estimated_bytes)} kept, ${inMebibytes(stats.estimated_saved_bytes)} saved`],
      ["ratio", (1 - stats.kept_ratio).toFixed(3)],
      ["heavy-hitter recall", stats.heavy_hitter_recall.toFixed(3)],
      ["sink recall", stats.sink_recall.toFixed(3)],
    ],
  });
}

/** The signals that a synthetic sequence has. */
const SEQUENCE_SIGNALS: readonly Signal[] = [{ attention: "sum", queries: 1 }, "novelty"];

/** A synthetic sequence as policies see it: one layer with one kv head, every token a row. */
export function sequenceLayer(sequence: SyntheticSequence): Layer {
  const positions = new Int32Array(sequence.length);
  for (let position = 0; position < positions.length; position++) positions[position] = position;
  return {
    index: 0,
    heads: [{ positions, signal: (signal) => signalOf(sequence, signal) }],
    model: { layerCount: 1, headDim: 128, groupSize: 1, rotary: NO_ROTATION },
  };
}

function signalOf(sequence: SyntheticSequence, signal: Signal): Vector {
  if (signal === "novelty") return sequence.novelty;
  if (sameSignal(signal, SEQUENCE_SIGNALS[0])) return sequence.attention;
  throw new TypeError(`Cannot read ${describeSignal(signal)} as a synthetic sequence has no such signal`);
}
