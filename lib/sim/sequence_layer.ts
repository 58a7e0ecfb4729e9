import type { Layer, Need, Policy, Vector } from "../policies/policy.ts";
import type { SyntheticSequence } from "./synthetic_sequence.ts";

/** The signals that a synthetic sequence has. */
export const SEQUENCE_NEEDS: readonly Need[] = [{ attention: "sum", queries: 1 }, "novelty"];

/** A synthetic sequence as policies see it: one layer with one kv head, every token a row. */
export function sequenceLayer(sequence: SyntheticSequence): Layer {
  const positions = new Int32Array(sequence.length);
  for (let position = 0; position < positions.length; position++) positions[position] = position;
  return {
    index: 0,
    heads: [{ positions, signal: (need) => signalOf(sequence, need) }],
    model: { layerCount: 1, headDim: 128, groupSize: 1, ropeTheta: 10_000 },
  };
}

/**
 * Refuses a policy that reads signals a synthetic sequence does not have.
 *
 * @throws {TypeError} that names the policy and the signal
 */
export function checkSequenceNeeds(policy: Policy): void {
  const missing = policy.needs.find((need) => !hasSignal(need));
  if (missing !== undefined) {
    throw new TypeError(`Cannot simulate policy ${policy.name} as it reads ${JSON.stringify(missing)}: ${AVAILABLE}`);
  }
}

const AVAILABLE = `a synthetic sequence has ${SEQUENCE_NEEDS.map((need) => JSON.stringify(need)).join(" and ")} only`;

function hasSignal(need: Need): boolean {
  if (typeof need === "string") return need === "novelty";
  return need.attention === "sum" && need.queries === 1 && need.decay === undefined;
}

function signalOf(sequence: SyntheticSequence, need: Need): Vector {
  if (!hasSignal(need)) throw new TypeError(`Cannot read ${JSON.stringify(need)}: ${AVAILABLE}`);
  return need === "novelty" ? sequence.novelty : sequence.attention;
}
