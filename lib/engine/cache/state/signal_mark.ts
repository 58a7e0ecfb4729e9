import type { CacheState, SignalMark } from "./cache_state.ts";

/** Takes the signals down as they stand: some numbers a row, where a row is two vectors. */
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

/** Puts signals back to how they were marked. The rows must be those of then, and held by nobody else. */
export function restoreSignals(state: CacheState, mark: SignalMark): void {
  state.heads.forEach((head, index) => {
    head.recordings.forEach((recording, place) => recording.set(mark.recordings[index][place]));
    head.observed = mark.observed[index];
  });
  state.moments = mark.moments && { own: mark.moments, shared: true };
  state.lost = mark.lost;
  state.recordedUntil = mark.recordedUntil;
}
