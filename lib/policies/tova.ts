import { definePolicy } from "./define_policy.ts";
import type { Layer, Policy } from "./policy.ts";

const NEED = { attention: "sum", queries: 1 } as const;

/**
 * The newest query's attention, a mean over all heads of a layer, the same for every kv head; the last row stays: TOVA
 * (Oren et al. 2024, https://arxiv.org/abs/2401.06104).
 */
export function tova(): Policy {
  return definePolicy({
    name: "tova",
    paper: "Oren et al. 2024, https://arxiv.org/abs/2401.06104",
    needs: [NEED],
    score: (layer) => {
      const means = meanByPosition(layer);
      return layer.heads.map(({ positions }) =>
        Float64Array.from(positions, (position, row) => row === positions.length - 1 ? 0 : means[position])
      );
    },
    protect: { recent: 1 },
  });
}

/** The mean over the heads that still hold a position: `[tokens]`. */
function meanByPosition({ heads }: Layer): Float64Array {
  const tokens = Math.max(0, ...heads.map(({ positions }) => (positions.at(-1) ?? -1) + 1));
  const sums = new Float64Array(tokens);
  const holders = new Uint32Array(tokens);
  for (const { positions, signal } of heads) {
    const received = signal(NEED);
    positions.forEach((position, row) => {
      sums[position] += received[row];
      holders[position]++;
    });
  }
  return sums.map((sum, position) => sum / Math.max(1, holders[position]));
}
