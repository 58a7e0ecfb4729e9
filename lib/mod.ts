/**
 * KVMirror: policies that keep fewer rows of a KV cache, tried in a simulator and on recorded attention, and measured.
 * Nothing here loads native code; the live engine is `kvmirror/engine`.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { simulate, syntheticSequence } from "kvmirror";
 * import { policy } from "kvmirror/policies";
 *
 * const { stats } = simulate(syntheticSequence({ sequenceLength: 1024 }), policy("recent_window", { windowSize: 256 }));
 * assertEquals(stats.kept_tokens, 272);
 * ```
 *
 * @module
 */
export { attentionShare } from "./metrics/attention_share.ts";
export {
  type CacheUsage,
  type HeadUsage,
  type HeldRows,
  type RowsAndBytes,
  usageOfHeads,
} from "./metrics/cache_usage.ts";
export { bytesPerToken, type CacheShape } from "./metrics/bytes_per_token.ts";
export { bootstrapStatistic, type StatisticInterval } from "./metrics/bootstrap.ts";
export { divergence } from "./metrics/divergence.ts";
export { clusterBootstrap, type MeanInterval } from "./metrics/bootstrap.ts";
export { parseRetentionRecord, type RetentionRecord } from "./metrics/retention_record.ts";
export { type LayerUsage, usageByLayer } from "./metrics/cache_usage.ts";
export { type LinearTrend, linearTrend } from "./metrics/linear_trend.ts";
export { type BootstrapOptions, pairedBootstrap, type PairedDifference } from "./metrics/bootstrap.ts";
export { paretoFront } from "./metrics/pareto_front.ts";
export { rankCorrelation } from "./metrics/rank_correlation.ts";
export { recall } from "./metrics/recall.ts";
export { type RetentionStats, retentionStats, type RetentionTargets } from "./metrics/retention.ts";
export { tokenRetention } from "./metrics/token_retention.ts";
export { type Interval, wilsonInterval } from "./metrics/wilson_interval.ts";
export { logProbabilities } from "./numeric/log_probabilities.ts";
export { MersenneTwister } from "./numeric/mersenne_twister.ts";
export { averagePool } from "./numeric/average_pool.ts";
export { topK } from "./numeric/top_k.ts";
export { simulate, type SimulateOptions, type Simulation } from "./sim/simulate.ts";
export { sweep, type SweepRow, type SweepSetting } from "./sim/sweep.ts";
export {
  MAX_SEQUENCE_LENGTH,
  ROLES,
  type SyntheticSequence,
  syntheticSequence,
  type SyntheticSequenceOptions,
} from "./sim/synthetic_sequence.ts";
export { findTokens } from "./trace/find_tokens.ts";
export { laterAttention } from "./trace/trace_summary.ts";
export { parseSummary } from "./trace/trace_summary.ts";
export { type ByteReader, type TraceReading } from "./trace/read_trace.ts";
export { type Replay, replay, type ReplayOptions, replayRows } from "./trace/replay.ts";
export { openTrace, type TraceFile } from "./trace/read_trace.ts";
export { type TraceFooter, type TraceHeader, type TraceStep } from "./trace/trace_header.ts";
export {
  type PromptRole,
  summarizeTrace,
  type TokenTrace,
  type TraceSummary,
  TraceTotals,
} from "./trace/trace_summary.ts";
