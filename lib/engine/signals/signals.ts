import { checkNeeds, sameNeed } from "../../policies/check_needs.ts";
import type { Need, Policy } from "../../policies/policy.ts";

/**
 * Attention to record while tokens are read: from every query, from the last so many of a call, or from every query with
 * weight `decay` to the power of the queries that came after it.
 */
export type AttentionTap = "all" | number | { readonly decay: number };

/** The first chunk of a call, with which taps of the newest queries begin anew, or a further one. */
export type ChunkStart = "first" | "further";

/** What to record while tokens are read: attention, or the moments of the queries. */
export type Tap = AttentionTap | "moments";

/** What a prefill records unless it is told otherwise: H2O's sum, the newest query, SnapKV's window, query moments. */
export const DEFAULT_TAPS: readonly Tap[] = ["all", 1, 64, "moments"];

/** The need that a tap serves. */
export function needOf(tap: AttentionTap): Need {
  return typeof tap === "object"
    ? { attention: "sum", queries: "all", decay: tap.decay }
    : { attention: "sum", queries: tap };
}

/** The tap that serves a need; undefined if the need is not about attention, or nothing recorded serves it. */
export function tapOf(need: Need, taps: readonly AttentionTap[]): number | undefined {
  const index = taps.findIndex((tap) => sameNeed(need, needOf(tap)));
  return index < 0 ? undefined : index;
}

/** What must be recorded for these needs while tokens are read; the others are had without, or by a second look. */
export function tapsFor(needs: readonly Need[]): Tap[] {
  return needs.flatMap((need): Tap[] => {
    if (need === "queryMoments") return ["moments"];
    if (typeof need === "string") return [];
    return [need.decay === undefined ? need.queries : { decay: need.decay }];
  });
}

/** What a prefill records for policies with these needs: {@linkcode DEFAULT_TAPS}, and what they take beside it. */
export function prefillTaps(needs: readonly Need[]): Tap[] {
  return [...DEFAULT_TAPS, ...tapsFor(needs).filter((tap) => !DEFAULT_TAPS.includes(tap))];
}

/** Where a chunk stands among the tokens of its call, and where the next eviction is. */
export interface ChunkPlace {
  /** Index of the chunk's first token in the call, or since the call's last eviction. */
  readonly start: number;
  /** Tokens of the chunk. */
  readonly count: number;
  /** Tokens of the call, or from its last eviction to its next one. */
  readonly total: number;
  /** Where evictions come again and again: tokens from the chunk's first to the next one, and between two. */
  readonly eviction?: { readonly due: number; readonly every: number };
}

/** Which of a chunk's queries a tap counts: those from `first` on. With a first chunk, what it held before goes. */
export interface TapWindow {
  readonly first: number;
  readonly start: ChunkStart;
}

/**
 * A tap of the last n queries holds those of its call. Where evictions come again and again, calls that are shorter than
 * n add up, in blocks that begin anew n queries and one interval before an eviction: it finds min(n, interval) queries.
 */
export function tapWindow(tap: AttentionTap, { start, count, total, eviction }: ChunkPlace): TapWindow {
  if (typeof tap !== "number") return { first: 0, start: "further" };
  if (eviction === undefined || total >= tap) {
    return { first: Math.max(0, total - tap - start), start: start === 0 ? "first" : "further" };
  }
  const { due, every } = eviction;
  if (due % tap < count) return { first: due % tap, start: "first" };
  return { first: 0, start: due >= every ? "first" : "further" };
}

/**
 * What each new query adds to each tap: `[taps, count · groupSize]`, a mean over the query heads of the group.
 *
 * @param place of the chunk these queries are
 * @param groupSize query heads that share a kv head
 */
export function queryWeights(taps: readonly AttentionTap[], place: ChunkPlace, groupSize: number): Float32Array {
  const { count } = place;
  const weights = new Float32Array(taps.length * groupSize * count);
  taps.forEach((tap, index) => {
    const { first } = tapWindow(tap, place);
    const decay = typeof tap === "object" ? tap.decay : 1;
    for (let query = first; query < count; query++) {
      const from = (index * count + query) * groupSize;
      weights.fill(decay ** (count - 1 - query) / groupSize, from, from + groupSize);
    }
  });
  return weights;
}

/** The signals that are not recorded while a text is read: they take a look of their own at the cache. */
export const OBSERVED_NEEDS: readonly ObservedNeed[] = [
  "outputNorm1",
  "reconstruction",
  "normalisedReconstruction",
  "predictedAttention",
];

/** One of {@linkcode OBSERVED_NEEDS}. */
export type ObservedNeed = "outputNorm1" | "reconstruction" | "normalisedReconstruction" | "predictedAttention";

/** The signals of a policy that want `await cache.observe(policy)`. */
export function observedNeeds({ needs }: Pick<Policy, "needs">): ObservedNeed[] {
  return needs.filter((need: Need): need is ObservedNeed => OBSERVED_NEEDS.some((observed) => observed === need));
}

/**
 * Refuses a policy that needs what a cache does not have.
 *
 * @param signals what the cache has
 * @param known whether a rewind lost some of what was recorded
 * @throws {TypeError} that names the policy, the signal and what there is
 */
export function checkSignals(policy: Policy, signals: readonly Need[], known: "all" | "some lost"): void {
  const unseen = observedNeeds(policy).find((need) => !signals.includes(need));
  if (unseen !== undefined) {
    throw new TypeError(
      `Cannot compress with ${policy.name} as it needs ${unseen}, which reading does not record: ` +
        `call "await cache.observe(policy)" first`,
    );
  }
  checkNeeds(policy, signals, known === "all" ? "this cache" : "this cache, rewound to where nothing was marked,");
}
