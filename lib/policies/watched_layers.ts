import { describeNeed, sameNeed } from "./check_needs.ts";
import type { Head, Layer, Need, Vector } from "./policy.ts";
import type { Place, Report } from "./policy_rules.ts";

/** Layers of copies, so that who writes into them harms nothing. */
export interface WatchedLayers {
  /** The copies. */
  readonly layers: readonly Layer[];
  /** Reports copies that are not what they were. */
  compare(): void;
}

/** Copies layers for a policy: reads of signals that it does not name are reported, and later, writes. */
export function watchedLayers(layers: readonly Layer[], needs: readonly Need[], report: Report): WatchedLayers {
  const watched = layers.map((layer) =>
    layer.heads.map((head, kvHead) => watch(head, needs, report, { layer: layer.index, kvHead }))
  );
  return {
    layers: layers.map((layer, index) => ({ ...layer, heads: watched[index].map(({ head }) => head) })),
    compare: () => watched.flat().forEach(({ compare }) => compare()),
  };
}

/** A head of copies, and a comparison of these with what they were. */
function watch(head: Head, needs: readonly Need[], report: Report, place: Place): { head: Head; compare(): void } {
  const copies = new Map<string, { copy: Vector; need: Need }>();
  const positions = head.positions.slice();
  return {
    head: {
      positions,
      signal: (need) => {
        const name = describeNeed(need);
        if (!needs.some((named) => sameNeed(named, need))) {
          report("needs", `Cannot read ${name} as it is not among the needs`, place);
        }
        if (!copies.has(name)) copies.set(name, { copy: head.signal(need).slice(), need });
        return copies.get(name)!.copy;
      },
    },
    compare: () => {
      const written = (name: string, now: ArrayLike<number>, before: ArrayLike<number>) => {
        const index = Array.prototype.findIndex.call(now, (value, at) => !Object.is(value, before[at]));
        const row = Math.floor(index / (before.length / head.positions.length));
        if (index >= 0) {
          report("signals", `Cannot write into ${name}, row ${row}, as runners share it`, { ...place, row });
        }
      };
      written("positions", positions, head.positions);
      for (const [name, { copy, need }] of copies) written(name, copy, head.signal(need));
    },
  };
}
