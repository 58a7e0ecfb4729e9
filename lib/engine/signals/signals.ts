import { checkSignals, sameSignal } from "../../policies/check_signals.ts";
import type { Policy, Signal } from "../../policies/policy.ts";

/**
 * Attention to record while tokens are read: from every query, from the last so many of a call, or from every query with
 * weight `decay` to the power of the queries that came after it.
 */
export type AttentionRecording = "all" | number | { readonly decay: number };

/** The first chunk of a call, with which taps of the newest queries begin anew, or a further one. */
export type ChunkStart = "first" | "further";

/** What to record while tokens are read: attention, or the moments of the queries. */
export type Recording = AttentionRecording | "moments";

/** What a prefill records unless it is told otherwise: H2O's sum, the newest query, SnapKV's window, query moments. */
export const DEFAULT_RECORDINGS: readonly Recording[] = ["all", 1, 64, "moments"];

/** The need that a tap serves. */
export function signalOf(recording: AttentionRecording): Signal {
  return typeof recording === "object"
    ? { attention: "sum", queries: "all", decay: recording.decay }
    : { attention: "sum", queries: recording };
}

/** The tap that serves a need; undefined if the need is not about attention, or nothing recorded serves it. */
export function recordingOf(signal: Signal, recordings: readonly AttentionRecording[]): number | undefined {
  const index = recordings.findIndex((recording) => sameSignal(signal, signalOf(recording)));
  return index < 0 ? undefined : index;
}

/** What must be recorded for these needs while tokens are read; the others are had without, or by a second look. */
export function recordingsFor(signals: readonly Signal[]): Recording[] {
  return signals.flatMap((signal): Recording[] => {
    if (signal === "queryMoments") return ["moments"];
    if (typeof signal === "string") return [];
    return [signal.decay === undefined ? signal.queries : { decay: signal.decay }];
  });
}

/** What a prefill records for policies with these needs: {@linkcode DEFAULT_RECORDINGS}, and what they take beside it. */
export function prefillRecordings(signals: readonly Signal[]): Recording[] {
  return [
    ...DEFAULT_RECORDINGS,
    ...recordingsFor(signals).filter((recording) => !DEFAULT_RECORDINGS.includes(recording)),
  ];
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
  readonly eviction?: { readonly due: number; readonly compressionInterval: number };
}

/** Which of a chunk's queries a tap counts: those from `first` on. With a first chunk, what it held before goes. */
export interface RecordingWindow {
  readonly first: number;
  readonly start: ChunkStart;
}

/**
 * A tap of the last n queries holds those of its call. Where evictions come again and again, calls that are shorter than
 * n add up, in blocks that begin anew n queries and one interval before an eviction: it finds min(n, interval) queries.
 */
export function recordingWindow(
  recording: AttentionRecording,
  { start, count, total, eviction }: ChunkPlace,
): RecordingWindow {
  if (typeof recording !== "number") return { first: 0, start: "further" };
  if (eviction === undefined || total >= recording) {
    return { first: Math.max(0, total - recording - start), start: start === 0 ? "first" : "further" };
  }
  const { due, compressionInterval } = eviction;
  if (due % recording < count) return { first: due % recording, start: "first" };
  return { first: 0, start: due >= compressionInterval ? "first" : "further" };
}

/**
 * What each new query adds to each tap: `[taps, count · groupSize]`, a mean over the query heads of the group.
 *
 * @param place of the chunk these queries are
 * @param groupSize query heads that share a kv head
 */
export function queryWeights(
  recordings: readonly AttentionRecording[],
  place: ChunkPlace,
  groupSize: number,
): Float32Array {
  const { count } = place;
  const weights = new Float32Array(recordings.length * groupSize * count);
  recordings.forEach((recording, index) => {
    const { first } = recordingWindow(recording, place);
    const decay = typeof recording === "object" ? recording.decay : 1;
    for (let query = first; query < count; query++) {
      const from = (index * count + query) * groupSize;
      weights.fill(decay ** (count - 1 - query) / groupSize, from, from + groupSize);
    }
  });
  return weights;
}

/** The signals that are not recorded while a text is read: they take a look of their own at the cache. */
export const OBSERVED_SIGNALS: readonly ObservedSignal[] = [
  "outputNorm1",
  "reconstruction",
  "normalizedReconstruction",
  "predictedAttention",
];

/** One of {@linkcode OBSERVED_SIGNALS}. */
export type ObservedSignal = "outputNorm1" | "reconstruction" | "normalizedReconstruction" | "predictedAttention";

/** The signals of a policy that want `await cache.observe(policy)`. */
export function observedSignals({ signals }: Pick<Policy, "signals">): ObservedSignal[] {
  return signals.filter((signal: Signal): signal is ObservedSignal =>
    OBSERVED_SIGNALS.some((observed) => observed === signal)
  );
}

/**
 * Refuses a policy that needs what a cache does not have.
 *
 * @param signals what the cache has
 * @param known whether a rewind lost some of what was recorded
 * @throws {TypeError} that names the policy, the signal and what there is
 */
export function checkCachedSignals(policy: Policy, signals: readonly Signal[], known: "all" | "some lost"): void {
  const unseen = observedSignals(policy).find((signal) => !signals.includes(signal));
  if (unseen !== undefined) {
    throw new TypeError(
      `Cannot compress with ${policy.name} as it needs ${unseen}, which reading does not record: ` +
        `call "await cache.observe(policy)" first`,
    );
  }
  checkSignals(policy, signals, known === "all" ? "this cache" : "this cache, rewound to where nothing was marked,");
}
