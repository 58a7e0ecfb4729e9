import { describeNeed } from "../policies/check_needs.ts";
import type { Head, Need } from "../policies/policy.ts";
import { tokenNovelty } from "../trace/token_novelty.ts";
import type { HeadRows } from "./head_rows.ts";
import { type Tap, tapOf } from "./signals.ts";

/** The signals of a cache that recorded these taps. */
export function recordedNeeds(taps: readonly Tap[]): Need[] {
  return ["keys", "values", "novelty", ...taps.map((queries) => ({ attention: "sum", queries }) as const)];
}

/** One head's rows as policies see them; the views hold until the rows change. */
export function cachedHead(rows: HeadRows, taps: readonly Tap[], tokenCount: number): Head {
  const positions = rows.positions.subarray(0, rows.length);
  return {
    positions,
    signal: (need) => {
      if (need === "keys") return rows.liveKeys();
      if (need === "values") return rows.liveValues();
      if (need === "novelty") return Float32Array.from(positions, (position) => tokenNovelty(position, tokenCount));
      const tap = tapOf(need, taps);
      if (tap === undefined) throw new TypeError(`Cannot read ${describeNeed(need)} as it was not recorded`);
      return rows.taps[tap].subarray(0, rows.length);
    },
  };
}
