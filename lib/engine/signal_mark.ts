import type { CacheState } from "./cache_state.ts";
import type { HeadRows } from "./head_rows.ts";
import type { QueryMoments } from "./query_moments.ts";
import type { Tap } from "./signals.ts";

/** What policies see of a cache besides its rows, as it stood at one moment; nothing in it ever changes. */
export interface SignalMark {
  /** Recorded attention, `[head][tap]`, `[rows]` each. */
  readonly taps: readonly (readonly Float32Array[])[];
  /** Observed signals, by head. */
  readonly observed: readonly HeadRows["observed"][];
  readonly moments?: QueryMoments;
  readonly lost: ReadonlySet<Tap>;
  readonly recordedUntil: number;
}

/** Takes the signals down as they stand: some numbers a row, where a row is two vectors. */
export function markSignals(state: CacheState): SignalMark {
  if (state.moments !== undefined) state.moments.shared = true;
  return {
    taps: state.heads.map(({ taps, length }) => taps.map((tap) => tap.slice(0, length))),
    observed: state.heads.map(({ observed }) => observed),
    moments: state.moments?.own,
    lost: state.lost,
    recordedUntil: state.recordedUntil,
  };
}

/** Puts signals back to how they were marked. The rows must be those of then, and held by nobody else. */
export function restoreSignals(state: CacheState, mark: SignalMark): void {
  state.heads.forEach((head, index) => {
    head.taps.forEach((tap, place) => tap.set(mark.taps[index][place]));
    head.observed = mark.observed[index];
  });
  state.moments = mark.moments && { own: mark.moments, shared: true };
  state.lost = mark.lost;
  state.recordedUntil = mark.recordedUntil;
}
