import { rowNorms } from "../numeric/vectors.ts";
import { definePolicy, eachHead } from "./define_policy.ts";
import { checkCounts, type OptionsOf, withDefaults } from "./options.ts";
import { type Policy, SINK_TOKENS } from "./policy.ts";

/** Options of {@linkcode cur}, with their defaults. */
export const CUR_OPTIONS = {
  /** The first tokens of the text, which stay. */
  sinkTokens: SINK_TOKENS,
  /** Rows of a window, within which keys and values are compared. */
  windowSize: 16,
} as const;

/**
 * Rows whose keys and values are both large among their neighbors: the squared norms stand in for the leverage scores of
 * a CUR decomposition, each as its share of a window. CurDKV (Sengupta et al. 2025, https://arxiv.org/abs/2509.15038),
 * as kvpress has it.
 *
 * @throws {RangeError} if a window has no rows
 */
export function cur(options: OptionsOf<typeof CUR_OPTIONS> = {}): Policy {
  const { sinkTokens, windowSize } = withDefaults("cur", CUR_OPTIONS, options);
  checkCounts("cur", { sinkTokens });
  checkCounts("cur", { windowSize }, 1);
  return definePolicy({
    name: "cur",
    paper: "Sengupta et al. 2025, https://arxiv.org/abs/2509.15038",
    signals: ["keys", "values"],
    score: eachHead((head, { model }) => {
      const energies = (vectors: "keys" | "values") => rowNorms(head.signal(vectors), model.headDim).map((x) => x * x);
      const keys = sharesOfWindows(energies("keys"), windowSize);
      const values = sharesOfWindows(energies("values"), windowSize);
      const products = keys.map((share, row) => share * values[row]);
      // Heads that share a budget are compared by this.
      const total = sum(products);
      return total === 0 ? products : products.map((product) => product / total);
    }),
    protect: { sinks: sinkTokens },
  });
}

/** Each value as its share of its window, `[rows]`; a window of zeros has none. The last window may be short. */
function sharesOfWindows(values: Float64Array, windowSize: number): Float64Array {
  const shares = new Float64Array(values.length);
  for (let first = 0; first < values.length; first += windowSize) {
    const window = values.subarray(first, first + windowSize);
    const total = sum(window);
    if (total > 0) shares.set(window.map((value) => value / total), first);
  }
  return shares;
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
