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
  type BootstrapOptions,
  bootstrapStatistic,
  clusterBootstrap,
  type MeanInterval,
  type StatisticInterval,
} from "./metrics/bootstrap.ts";
export { bytesPerToken, type CacheShape } from "./metrics/bytes_per_token.ts";
export {
  type CacheUsage,
  type HeadUsage,
  type LayerUsage,
  type RowsAndBytes,
  usageByLayer,
} from "./metrics/cache_usage.ts";
export { divergence } from "./metrics/divergence.ts";
export { type LinearTrend, linearTrend } from "./metrics/linear_trend.ts";
export { paretoFront } from "./metrics/pareto_front.ts";
export { rankCorrelation } from "./metrics/rank_correlation.ts";
export { recall } from "./metrics/recall.ts";
export {
  encodeInspection,
  type InspectedFrame,
  type InspectedTrack,
  type Inspection,
  parseInspection,
} from "./metrics/inspection.ts";
export { type RetentionStats } from "./metrics/retention.ts";
export { parseRetentionRecord, type RetentionRecord } from "./metrics/retention_record.ts";
export { tokenRetention } from "./metrics/token_retention.ts";
export { type Interval } from "./metrics/wilson_interval.ts";
export { logProbabilities } from "./numeric/log_probabilities.ts";
export { MersenneTwister } from "./numeric/mersenne_twister.ts";
export { topK } from "./numeric/top_k.ts";
export { type CacheLayout, cacheLayout, ggufCacheLayout } from "./plan/cache_layout.ts";
export {
  type BytesByDtype,
  type CachePlan,
  planCache,
  type PlannedContext,
  type PlannedDtype,
  type PlannedLayers,
  type PlannedSize,
  type PlanOptions,
} from "./plan/cache_plan.ts";
export { type FixedState, type LayerState, type RowState, type SharedState } from "./plan/layer_state.ts";
export { PUBLISHED_MODELS, publishedLayout, type PublishedModel, publishedModel } from "./plan/published_models.ts";
export { simulate, type SimulateOptions, type Simulation } from "./sim/simulate.ts";
export { sweep, type SweepRow, type SweepSetting } from "./sim/sweep.ts";
export {
  ROLES,
  type SyntheticSequence,
  syntheticSequence,
  type SyntheticSequenceOptions,
} from "./sim/synthetic_sequence.ts";
export { findTokens } from "./trace/find_tokens.ts";
export { openTrace, type TraceFile, type TraceReading } from "./trace/read_trace.ts";
export { type Replay, replay, type ReplayOptions, replayRows } from "./trace/replay.ts";
export { type TraceFooter, type TraceHeader, type TraceStep } from "./trace/trace_header.ts";
export {
  laterAttention,
  parseSummary,
  type PromptRole,
  summarizeTrace,
  type TokenTrace,
  type TraceSummary,
  type TraceTotals,
} from "./trace/trace_summary.ts";
