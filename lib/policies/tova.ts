import { definePolicy } from "./define_policy.ts";
import type { Layer, Policy } from "./policy.ts";

const SIGNAL = { attention: "sum", queries: 1 } as const;

/**
 * The newest query's attention, a mean over all heads of a layer, the same for every kv head; the last row stays: TOVA
 * (Oren et al. 2024, https://arxiv.org/abs/2401.06104).
 */
export function tova(): Policy {
  return definePolicy({
    name: "tova",
    paper: "Oren et al. 2024, https://arxiv.org/abs/2401.06104",
    signals: [SIGNAL],
    score: (layer) => {
      const means = meanByPosition(layer);
      return layer.heads.map(({ positions }) =>
        Float64Array.from(positions, (position, row) => row === positions.length - 1 ? 0 : means.get(position)!)
      );
    },
    protect: { recent: 1 },
  });
}

/** By position, the mean over the heads that still hold it. */
function meanByPosition({ heads }: Layer): Map<number, number> {
  const received = new Map<number, { sum: number; holders: number }>();
  for (const { positions, signal } of heads) {
    const attention = signal(SIGNAL);
    positions.forEach((position, row) => {
      const at = received.get(position);
      if (at === undefined) received.set(position, { sum: attention[row], holders: 1 });
      else {
        at.sum += attention[row];
        at.holders++;
      }
    });
  }
  return new Map([...received].map(([position, { sum, holders }]) => [position, sum / holders]));
}
