import { checkOptions, type OptionNames } from "../numeric/nearest_name.ts";
import { NO_ROTATION } from "../numeric/rotary.ts";
import { type RetentionStats, retentionStats } from "../metrics/retention.ts";
import { budgetForRatio } from "../policies/budget.ts";
import { checkSignals, sameSignal } from "../policies/check_signals.ts";
import type { Layer, Policy, Signal } from "../policies/policy.ts";
import type { TraceSummary } from "./trace_summary.ts";

/** Options of {@linkcode replay}; the defaults are the original's. */
export interface ReplayOptions {
  /** Size of the recall target: the `topk` tokens with the most attention; 96 by default. */
  readonly topk?: number;
  /** First tokens of the prompt that count as sinks; 16 by default. */
  readonly sinkTokens?: number;
  /** The budget of policies without numbers of their own, in [0, 1); 0 by default. */
  readonly compressionRatio?: number;
}

const REPLAY_OPTIONS: OptionNames<ReplayOptions> = { topk: true, sinkTokens: true, compressionRatio: true };

/** One replay, by the names that JSON gives it. */
export interface Replay {
  /** The policy's name. */
  readonly policy: string;
  /** Cache bytes of one token. */
  readonly bytes_per_token: number;
  /** What was kept. */
  readonly stats: RetentionStats;
}

/** The signals that a trace has. */
const TRACE_SIGNALS: readonly Signal[] = [{ attention: "sum", queries: 1 }, "novelty", "laterAttention"];

/**
 * Runs a policy on a recorded trace and measures what it keeps. Note that the recall target is the attention which the
 * policy itself ranks by: a policy that ranks by attention alone cannot miss it.
 *
 * @throws {TypeError} if the policy reads a signal that a trace does not have
 * @throws {RangeError} if the ratio is outside [0, 1)
 */
export function replay(
  trace: TraceSummary,
  policy: Policy,
  options: ReplayOptions = {},
): Replay {
  checkOptions("replay", options, REPLAY_OPTIONS);
  const { topk = 96, sinkTokens = 16, compressionRatio = 0 } = options;
  const rows = replayRows(trace, policy, compressionRatio);
  const attention = Float64Array.from(trace.token_traces, ({ attention_received }) => attention_received);
  return {
    policy: policy.name,
    bytes_per_token: trace.bytes_per_token,
    stats: retentionStats(rows, { attention, topk, sinkTokens, bytesPerToken: trace.bytes_per_token }),
  };
}

/**
 * The prompt tokens that a policy keeps of a recorded trace, ascending.
 *
 * @throws {TypeError} if the policy reads a signal that a trace does not have
 * @throws {RangeError} if the ratio is outside [0, 1)
 */
export function replayRows(trace: TraceSummary, policy: Policy, compressionRatio = 0): Uint32Array {
  checkSignals(policy, TRACE_SIGNALS, "a trace");
  const [[{ rows }]] = policy.choose([traceLayer(trace)], budgetForRatio(trace.prompt_token_count, compressionRatio));
  return rows;
}

/** A trace as policies see it: one layer with one kv head, every prompt token a row. */
function traceLayer(trace: TraceSummary): Layer {
  const count = trace.prompt_token_count;
  return {
    index: 0,
    model: { layerCount: 1, headDim: 1, groupSize: 1, rotary: NO_ROTATION },
    heads: [{
      positions: Int32Array.from({ length: count }, (_, index) => index),
      signal: (signal) => {
        if (signal === "novelty") {
          return Float64Array.from(trace.token_traces, ({ prompt_role }) => prompt_role === "content" ? 1 : 0.4);
        }
        if (signal !== "laterAttention" && !sameSignal(signal, TRACE_SIGNALS[0])) {
          throw new TypeError("Cannot read a signal that the trace does not have");
        }
        return Float64Array.from(trace.token_traces, ({ attention_received }) => attention_received);
      },
    }],
  };
}
