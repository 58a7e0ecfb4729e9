import { nearRows } from "./budget.ts";
import { definePolicy } from "./define_policy.ts";
import { checkCounts, type OptionsOf, withDefaults } from "./options.ts";
import { type Layer, type Policy, type Signal, SINK_TOKENS } from "./policy.ts";

/** Options of {@linkcode simlayerkv}, with their defaults. */
export const SIMLAYERKV_OPTIONS = {
  /** A layer is lazy whose share of attention to the first and the newest rows is above this, in [0, 1]. */
  lazyThreshold: 0.9,
  /** The newest queries, whose attention tells. */
  lastQueries: 1,
  /** The newest rows before those queries that count as near; a lazy layer keeps as many, the queries' own among them. */
  recentTokens: 1024,
  /** The first tokens of the text, which a lazy layer keeps. */
  sinkTokens: SINK_TOKENS,
} as const;

/**
 * Lazy layers, in which the newest query looks at little but sinks and its neighbors, keep these alone; every other layer
 * keeps all rows. How much stays is the text's doing, and no budget is followed: SimLayerKV (Zhang et al. 2024,
 * https://arxiv.org/abs/2410.13846), as kvpress has it. A text no longer than what a lazy layer keeps stays whole.
 *
 * @throws {RangeError} if the threshold is outside [0, 1]
 */
export function simlayerkv(options: OptionsOf<typeof SIMLAYERKV_OPTIONS> = {}): Policy {
  const { lazyThreshold, lastQueries, recentTokens, sinkTokens } = withDefaults(
    "simlayerkv",
    SIMLAYERKV_OPTIONS,
    options,
  );
  if (!(lazyThreshold >= 0 && lazyThreshold <= 1)) {
    throw new RangeError(`Cannot use lazyThreshold ${lazyThreshold} for simlayerkv as it must be in [0, 1]`);
  }
  checkCounts("simlayerkv", { sinkTokens });
  checkCounts("simlayerkv", { lastQueries }, 1);
  checkCounts("simlayerkv", { recentTokens }, lastQueries);
  const wanted: Signal = { attention: "sum", queries: lastQueries };
  const near = { sinkTokens, recentTokens, lastQueries };
  const recent = recentTokens - lastQueries;
  return definePolicy({
    name: "simlayerkv",
    paper: "Zhang et al. 2024, https://arxiv.org/abs/2410.13846",
    signals: [wanted],
    size: "own",
    score: ({ heads }) => heads.map(({ positions }) => new Float64Array(positions.length)),
    protect: { sinks: sinkTokens, recent },
    allocate: (_, __, layers) =>
      layers.map((layer) => {
        const longest = Math.max(0, ...layer.heads.map(({ positions }) => positions.length));
        const lazy = longest > sinkTokens + recentTokens + lastQueries &&
          nearShare(layer, wanted, near) > lazyThreshold;
        return Uint32Array.from(layer.heads, ({ positions }) =>
          lazy ? nearRows(positions, sinkTokens, recent) : positions.length);
      }),
  });
}

/** The share of the newest queries' attention that goes to the first and the newest rows before them, over heads the mean. */
function nearShare(
  { heads }: Layer,
  wanted: Signal,
  { sinkTokens, recentTokens, lastQueries }: {
    readonly sinkTokens: number;
    readonly recentTokens: number;
    readonly lastQueries: number;
  },
): number {
  let sum = 0;
  for (const { positions, signal } of heads) {
    const end = positions.length - lastQueries;
    signal(wanted).forEach((received, row) => {
      if (row < end && (positions[row] < sinkTokens || row >= end - recentTokens)) sum += received;
    });
  }
  return sum / (heads.length * lastQueries);
}
