import type { Choice, Head, Layer, Vector } from "../policies/policy.ts";
import { inRanges, type PositionRange } from "./position_range.ts";

/** A cache's rows without the pinned ones, as policies see them, and the way back. */
export interface LooseRows {
  /** The layers, each head with those rows that may go. */
  readonly layers: readonly Layer[];
  /** Pinned rows of each head, `[layer · kv heads + kv head]`. */
  readonly pinned: readonly number[];
  /** What stays when `choice` of the loose rows does: these, and all pinned rows. */
  withPinned(choice: Choice): Choice;
}

/** Sets pinned rows aside. Policies never see them, so no policy has to know of pins. */
export function looseRows(layers: readonly Layer[], pins: readonly PositionRange[]): LooseRows {
  const places = layers.map(({ heads }) =>
    heads.map(({ positions }) => Uint32Array.from(positions.keys()).filter((row) => !inRanges(pins, positions[row])))
  );
  return {
    layers: layers.map((layer, index) => ({
      ...layer,
      heads: layer.heads.map((head, kvHead) => someRows(head, places[index][kvHead])),
    })),
    pinned: layers.flatMap(({ heads }, index) =>
      heads.map(({ positions }, kvHead) => positions.length - places[index][kvHead].length)
    ),
    withPinned: (choice) =>
      layers.map(({ heads }, index) =>
        heads.map(({ positions }, kvHead) => {
          const loose = places[index][kvHead];
          const stays = new Uint8Array(positions.length).fill(1);
          for (const row of loose) stays[row] = 0;
          for (const row of choice[index][kvHead].rows) stays[loose[row]] = 1;
          return { rows: Uint32Array.from(positions.keys()).filter((row) => stays[row] === 1) };
        })
      ),
  };
}

/** Some rows of a head, in their order. Signals that are no row's own stay as they are. */
function someRows(head: Head, rows: Uint32Array): Head {
  const count = head.positions.length;
  return {
    positions: Int32Array.from(rows, (row) => head.positions[row]),
    signal: (need) => {
      const signal = head.signal(need);
      return need === "queryMoments" || count === 0 ? signal : pickRows(signal, rows, signal.length / count);
    },
  };
}

function pickRows(signal: Vector, rows: Uint32Array, width: number): Vector {
  const picked = signal instanceof Float32Array
    ? new Float32Array(rows.length * width)
    : new Float64Array(rows.length * width);
  rows.forEach((row, index) => picked.set(signal.subarray(row * width, (row + 1) * width), index * width));
  return picked;
}
