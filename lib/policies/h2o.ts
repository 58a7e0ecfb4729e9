import { definePolicy, eachHead } from "./define_policy.ts";
import { type OptionsOf, withDefaults } from "./options.ts";
import type { Policy, Signal } from "./policy.ts";

/** Options of {@linkcode h2o}, with their defaults. */
export const H2O_OPTIONS = {
  /** What a query's attention counts for with every query that follows, in (0, 1]; 1 as in the paper. */
  decay: 1,
} as const;

/**
 * Heavy hitters: of each head's budget one half goes to the newest rows, the other to the rows with the most attention
 * accumulated over all queries, a sum that favors early rows, or one in which old attention fades. H2O (Zhang et al.
 * 2023, https://arxiv.org/abs/2306.14048).
 *
 * @throws {RangeError} if the decay is outside (0, 1]
 */
export function h2o(options: OptionsOf<typeof H2O_OPTIONS> = {}): Policy {
  const { decay } = withDefaults("h2o", H2O_OPTIONS, options);
  if (!(decay > 0 && decay <= 1)) {
    throw new RangeError(`Cannot let attention fade by ${decay} a query as it must be in (0, 1]`);
  }
  const wanted: Signal = { attention: "sum", queries: "all", ...(decay === 1 ? {} : { decay }) };
  return definePolicy({
    name: "h2o",
    paper: "Zhang et al. 2023, https://arxiv.org/abs/2306.14048",
    signals: [wanted],
    score: (layer, budget) =>
      eachHead(({ positions, signal }) => {
        const received = signal(wanted);
        const recent = positions.length - Math.ceil(budget.rows / 2);
        return Float64Array.from(received, (sum, row) => row < recent ? sum : Infinity);
      })(layer),
  });
}
