import { describeNeed, sameNeed } from "../policies/check_needs.ts";
import type { Layer, Need, Vector } from "../policies/policy.ts";
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

function signalOf(sequence: SyntheticSequence, need: Need): Vector {
  if (need === "novelty") return sequence.novelty;
  if (sameNeed(need, SEQUENCE_NEEDS[0])) return sequence.attention;
  throw new TypeError(`Cannot read ${describeNeed(need)} as a synthetic sequence has no such signal`);
}
