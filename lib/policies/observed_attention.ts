import { definePolicy, eachHead } from "./define_policy.ts";
import type { Policy } from "./policy.ts";

const SIGNAL = { attention: "sum", queries: "all" } as const;

/**
 * The attention a row received from all queries that could see it, a mean over them: H2O's accumulated attention
 * (Zhang et al. 2023, https://arxiv.org/abs/2306.14048), made fair to late rows as kvpress's ObservedAttentionPress has it.
 */
export function observedAttention(): Policy {
  return definePolicy({
    name: "observed_attention",
    paper: "Zhang et al. 2023, https://arxiv.org/abs/2306.14048",
    signals: [SIGNAL],
    score: eachHead(({ positions, signal }) => {
      const received = signal(SIGNAL);
      const tokens = (positions.at(-1) ?? -1) + 1;
      return Float64Array.from(positions, (position, row) => received[row] / (tokens - position));
    }),
  });
}
