import type { CacheState, SignalMark } from "./cache_state.ts";

/** Copies the signals: some numbers a row. */
export function markSignals(state: CacheState): SignalMark {
  if (state.moments !== undefined) state.moments.shared = true;
  return {
    recordings: state.heads.map(({ recordings, length }) => recordings.map((recording) => recording.slice(0, length))),
    observed: state.heads.map(({ observed }) => observed),
    moments: state.moments?.own,
    lost: state.lost,
    recordedUntil: state.recordedUntil,
  };
}

/** Restores the signals of a mark. The rows must be those of its moment, and shared with no other cache. */
export function restoreSignals(state: CacheState, mark: SignalMark): void {
  state.heads.forEach((head, index) => {
    head.recordings.forEach((recording, at) => recording.set(mark.recordings[index][at]));
    head.observed = mark.observed[index];
  });
  state.moments = mark.moments && { own: mark.moments, shared: true };
  state.lost = mark.lost;
  state.recordedUntil = mark.recordedUntil;
}
