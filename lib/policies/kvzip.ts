import { definePolicy, eachHead } from "./define_policy.ts";
import { shareOverModel } from "./globalkv.ts";
import { checkCounts, type OptionsOf, withDefaults } from "./options.ts";
import { type Policy, SINK_TOKENS } from "./policy.ts";

/** Options of {@linkcode kvzip} and {@linkcode kvzipPlus}, with their defaults. */
export const KVZIP_OPTIONS = {
  /** The first tokens of the text, which stay. */
  sinkTokens: SINK_TOKENS,
} as const;
/** The options, each of which may be left out. */
export type KvzipOptions = OptionsOf<typeof KVZIP_OPTIONS>;

/**
 * Rows that the model looks at when it repeats the text, the highest of the whole model: KVzip (Kim et al. 2025,
 * https://arxiv.org/abs/2505.23416). It reads the text twice: `await cache.observe(policy)` before `compress`.
 */
export function kvzip(options: KvzipOptions = {}): Policy {
  return repeated("kvzip", "reconstruction", options);
}

/** {@linkcode kvzip} with attention weighed by what the row adds to the residual stream, ‖W_o v‖₂ / ‖input‖₂: KVzip+. */
export function kvzipPlus(options: KvzipOptions = {}): Policy {
  return repeated("kvzip_plus", "normalizedReconstruction", options);
}

function repeated(
  name: string,
  wanted: "reconstruction" | "normalizedReconstruction",
  options: KvzipOptions,
): Policy {
  const { sinkTokens } = withDefaults(name, KVZIP_OPTIONS, options);
  checkCounts(name, { sinkTokens });
  const protect = { sinks: sinkTokens };
  return definePolicy({
    name,
    paper: "Kim et al. 2025, https://arxiv.org/abs/2505.23416",
    signals: [wanted],
    score: eachHead(({ signal }) => signal(wanted)),
    protect,
    allocate: (scores, budget, layers) => shareOverModel(scores, budget, layers, protect),
  });
}
