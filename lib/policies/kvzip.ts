import { definePolicy, eachHead } from "./define_policy.ts";
import { shareOverModel } from "./globalkv.ts";
import type { Policy } from "./policy.ts";

/** Options of {@linkcode kvzip}. */
export interface KvzipOptions {
  /** The first tokens of the text, which stay; 4 by default. */
  readonly sinkTokens?: number;
}

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
  { sinkTokens = 4 }: KvzipOptions,
): Policy {
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
