import type { ProbedRows } from "./attention_probe.ts";
import type { CacheState } from "./cache_state.ts";
import { rotaryPlaces } from "./rotary_places.ts";

/** All rows of a cache's state as an attention probe takes them, `[layer · kv heads + kv head]`. */
export function probedRows({ heads, positions }: CacheState): ProbedRows[] {
  const rotary = rotaryPlaces(heads, positions);
  return heads.map((head, index) => ({
    keys: head.liveKeys(),
    values: head.liveValues(),
    positions: head.livePositions(),
    rotaryPositions: rotary[index],
  }));
}
