import { definePolicy } from "./define_policy.ts";
import { leverage, LEVERAGE_OPTIONS } from "./leverage.ts";
import { nonCausal } from "./non_causal.ts";
import { checkCounts, type OptionsOf, withDefaults } from "./options.ts";
import type { Head, Policy } from "./policy.ts";

/** Options of {@linkcode compactor}, with their defaults. */
export const COMPACTOR_OPTIONS = {
  /** The first tokens of the text, which stay and take no part in the scores. */
  sinkTokens: 8,
  /** The newest rows of each head, which stay and take no part in the scores. */
  recentTokens: 4,
  /** How much leverage counts beside attention; 0: the fraction of rows that are removed. */
  blending: 0,
  ...LEVERAGE_OPTIONS,
} as const;

/**
 * Rows that a chunk would look at without a mask, and the more rows go, the more also those whose keys point where few
 * others do: Compactor (Chari and Van Durme 2025, https://arxiv.org/abs/2507.08143), {@linkcode nonCausal} and
 * {@linkcode leverage} blended as kvpress blends them. Its chunks begin with the text, where kvpress's begin behind the
 * sinks.
 *
 * @throws {RangeError} if an option is out of its range
 */
export function compactor(options: OptionsOf<typeof COMPACTOR_OPTIONS> = {}): Policy {
  const { sinkTokens, recentTokens, blending, ...sketch } = withDefaults("compactor", COMPACTOR_OPTIONS, options);
  checkCounts("compactor", { sinkTokens, recentTokens });
  if (blending < 0) {
    throw new RangeError(`Cannot use blending ${blending} for compactor as it must be at least 0`);
  }
  const [ofKeys, ofAttention] = [leverage(sketch), nonCausal()].map((policy) => policy.definition!);
  return definePolicy({
    name: "compactor",
    paper: "Chari and Van Durme 2025, https://arxiv.org/abs/2507.08143",
    signals: [...ofKeys.signals, ...ofAttention.signals],
    protect: { sinks: sinkTokens, recent: recentTokens },
    score: (layer, budget) => {
      const spans = layer.heads.map(({ positions }) => {
        const first = positions.filter((position) => position < sinkTokens).length;
        return { first, end: Math.max(first, positions.length - recentTokens) };
      });
      const scored = { ...layer, heads: layer.heads.map((head, kvHead) => between(head, spans[kvHead])) };
      const [byKeys, byAttention] = [ofKeys, ofAttention].map(({ score }) => score(scored, budget));
      const share = blending === 0 ? budget.ratio : blending;
      return layer.heads.map(({ positions }, kvHead) => {
        const scores = new Float64Array(positions.length);
        const { first, end } = spans[kvHead];
        for (let row = first; row < end; row++) {
          scores[row] = share * byKeys[kvHead][row - first] + byAttention[kvHead][row - first];
        }
        return scores;
      });
    },
  });
}

/** Some rows of a head, as if there were no others. */
function between({ positions, signal }: Head, { first, end }: { readonly first: number; readonly end: number }): Head {
  return {
    positions: positions.subarray(first, end),
    signal: (wanted) => {
      const numbers = signal(wanted);
      const width = numbers.length / positions.length;
      return numbers.subarray(first * width, end * width);
    },
  };
}
