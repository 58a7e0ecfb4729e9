import { checkSignals, sameSignal } from "../../policies/check_signals.ts";
import type { Policy, Signal } from "../../policies/policy.ts";

/**
 * Attention to record while tokens are read: summed over every query, over the last n queries of a call, or over every
 * query with weight `decay` to the power of the number of later queries.
 */
export type AttentionRecording = "all" | number | { readonly decay: number };

/** The first chunk of a call, with which recordings of the newest queries start over, or a further chunk. */
export type ChunkStart = "first" | "further";

/**
 * A number a row that is recorded once, when the row's chunk is read, and stays as it is: what is predicted of a row from
 * the inputs of its layers, or the attention that the chunk's queries would pay it without a mask among them.
 */
export type ChunkRecording = "predictedReconstruction" | "nonCausalAttention";

/** All of them, in the order in which a cache holds them. */
export const CHUNK_RECORDINGS: readonly ChunkRecording[] = ["predictedReconstruction", "nonCausalAttention"];

/** Something to record while tokens are read: attention, the moments of the queries, or a chunk's own numbers. */
export type Recording = AttentionRecording | "moments" | ChunkRecording;

/** A recording that holds a number a row. */
export type RowRecording = Exclude<Recording, "moments">;

/** Those recordings that hold a number a row, in order. */
export function rowRecordings(recordings: readonly Recording[]): RowRecording[] {
  return recordings.filter((recording) => recording !== "moments");
}

/** Those recordings that are of attention, in order. */
export function attentionRecordings(recordings: readonly Recording[]): AttentionRecording[] {
  return recordings.filter((recording): recording is AttentionRecording =>
    recording !== "moments" && !isChunkRecording(recording)
  );
}

/** Those recordings that are a chunk's own, each once. */
export function chunkRecordings(recordings: readonly Recording[]): ChunkRecording[] {
  return CHUNK_RECORDINGS.filter((recording) => recordings.includes(recording));
}

/** Whether a recording or a signal is one of {@linkcode CHUNK_RECORDINGS}. */
export function isChunkRecording(recording: unknown): recording is ChunkRecording {
  return CHUNK_RECORDINGS.some((known) => known === recording);
}

/** The default recordings of a prefill: H2O's sum, the newest query, SnapKV's 64 queries, query moments. */
export const DEFAULT_RECORDINGS: readonly Recording[] = ["all", 1, 64, "moments"];

/** The signal that a recording serves. */
export function signalOf(recording: RowRecording): Signal {
  if (isChunkRecording(recording)) return recording;
  return typeof recording === "object"
    ? { attention: "sum", queries: "all", decay: recording.decay }
    : { attention: "sum", queries: recording };
}

/** The index of the recording that serves a signal; undefined if none does. */
export function recordingOf(signal: Signal, recordings: readonly RowRecording[]): number | undefined {
  const index = recordings.findIndex((recording) => sameSignal(signal, signalOf(recording)));
  return index < 0 ? undefined : index;
}

/** The recordings that serve these signals. Other signals come from the rows, or from {@linkcode KvCache.observe}. */
export function recordingsFor(signals: readonly Signal[]): Recording[] {
  return signals.flatMap((signal): Recording[] => {
    if (signal === "queryMoments") return ["moments"];
    if (isChunkRecording(signal)) return [signal];
    if (typeof signal === "string") return [];
    return [signal.decay === undefined ? signal.queries : { decay: signal.decay }];
  });
}

/** The recordings of a prefill for policies with these signals: {@linkcode DEFAULT_RECORDINGS}, and theirs beside. */
export function prefillRecordings(signals: readonly Signal[]): Recording[] {
  return [
    ...DEFAULT_RECORDINGS,
    ...recordingsFor(signals).filter((recording) => !DEFAULT_RECORDINGS.includes(recording)),
  ];
}

/** A chunk's span among the tokens of its call, and the distance to the next eviction. */
export interface ChunkSpan {
  /** Index of the chunk's first token in the call, or since the call's last eviction. */
  readonly start: number;
  /** Tokens of the chunk. */
  readonly count: number;
  /** Tokens of the call, or from its last eviction to its next one. */
  readonly total: number;
  /** Under a bound: tokens from the chunk's first to the next eviction, and between two evictions. */
  readonly eviction?: { readonly due: number; readonly compressionInterval: number };
}

/** The queries of a chunk that a recording counts: from `first` on. With a first chunk it drops earlier queries. */
export interface RecordingWindow {
  readonly first: number;
  readonly start: ChunkStart;
}

/**
 * The queries of a chunk that a recording counts. A recording of the last n queries holds queries of one call. Under a
 * bound, calls shorter than n add up, in blocks that start over n queries and one interval before an eviction, so that
 * each eviction finds min(n, interval) queries.
 */
export function recordingWindow(
  recording: AttentionRecording,
  { start, count, total, eviction }: ChunkSpan,
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
 * The weight of each new query in each recording, `[recordings, count · groupSize]`: a mean over the group's heads.
 *
 * @param span the chunk of the queries
 * @param groupSize query heads that share a kv head
 */
export function queryWeights(
  recordings: readonly AttentionRecording[],
  span: ChunkSpan,
  groupSize: number,
): Float32Array {
  const { count } = span;
  const weights = new Float32Array(recordings.length * groupSize * count);
  recordings.forEach((recording, index) => {
    const { first } = recordingWindow(recording, span);
    const decay = typeof recording === "object" ? recording.decay : 1;
    for (let query = first; query < count; query++) {
      const from = (index * count + query) * groupSize;
      weights.fill(decay ** (count - 1 - query) / groupSize, from, from + groupSize);
    }
  });
  return weights;
}

/** The signals that reading does not record: {@linkcode KvCache.observe} computes them from the cache. */
export const OBSERVED_SIGNALS: readonly ObservedSignal[] = [
  "outputNorm1",
  "reconstruction",
  "normalizedReconstruction",
  "predictedAttention",
  "filterResponse",
];

/** One of {@linkcode OBSERVED_SIGNALS}. */
export type ObservedSignal =
  | "outputNorm1"
  | "reconstruction"
  | "normalizedReconstruction"
  | "predictedAttention"
  | "filterResponse";

/** The signals of a policy that `await cache.observe(policy)` computes. */
export function observedSignals({ signals }: Pick<Policy, "signals">): ObservedSignal[] {
  return signals.filter((signal: Signal): signal is ObservedSignal =>
    OBSERVED_SIGNALS.some((observed) => observed === signal)
  );
}

/**
 * Checks that a cache has the signals of a policy.
 *
 * @param signals the cache's signals
 * @param known whether a rewind lost some recordings
 * @throws {TypeError} if it lacks one; the message names the policy, the signal and the cache's signals
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
