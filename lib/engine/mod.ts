/**
 * The engine: a transformer on onnxruntime whose cache keeps rows per kv head, so that evicted rows are really gone.
 *
 * ```ts
 * import { assertStringIncludes } from "@std/assert";
 * import { loadModel } from "kvmirror/engine";
 * import { policy } from "kvmirror/policies";
 *
 * await using model = await loadModel("tiny");
 * const story = "The special number for whale is 4711. Call me Ishmael. Some years ago, never mind how long precisely, " +
 *   "I thought I would sail about a little and see the watery part of the world.";
 * const cache = await model.prefill(story);
 * cache.compress(policy("snapkv"), { compressionRatio: 0.5 });
 * const { text } = await model.generate("What is the special number for whale?", { cache, maxNewTokens: 24 });
 * assertStringIncludes(text, "4711");
 * ```
 *
 * @module
 */
export { type Bound, type BoundSize } from "./cache/bound.ts";
export { cacheUsage } from "./cache/cache_usage.ts";
export {
  type CacheObserver,
  type CompressTo,
  KvCache,
  type ObserveOptions,
  type QuantizeOptions,
} from "./cache/kv_cache.ts";
export { reusePrefix } from "./cache/reuse_prefix.ts";
export { type ChunkNumbers } from "./cache/state/append.ts";
export { type ChunkMoments } from "./cache/state/query_moments.ts";
export { type RewindRange } from "./cache/state/rewind.ts";
export { Chat, type ChatOptions } from "./chat/chat.ts";
export {
  type Activation,
  type Checkpoint,
  type DecoderTraits,
  type ModelConfig,
  type Multipliers,
  type TensorInfo,
} from "./checkpoint/checkpoint.ts";
export { type StoredBlocks } from "./checkpoint/quantized_blocks.ts";
export type { RowSpan } from "./checkpoint/tensor_format.ts";
export { readCheckpoint } from "./checkpoint/read_checkpoint.ts";
export { type CompressSize } from "./choose/choose_rows.ts";
export { type Capture, type CaptureOptions, captureTrace } from "./generate/capture_trace.ts";
export {
  type FinishReason,
  type GeneratedToken,
  type Generation,
  type GenerationResult,
} from "./generate/generation.ts";
export { loadModel, type LoadOptions } from "./generate/load_model.ts";
export type { BuildProgress } from "./graph/model_files.ts";
export { type GenerateOptions, Model, type ModelOrigin, type PrefillOptions, type Template } from "./generate/model.ts";
export { promptLookup, type PromptLookupOptions } from "./generate/prompt_lookup.ts";
export { type LogitsOf, type ReadOptions } from "./generate/read_tokens.ts";
export { type SamplingOptions } from "./generate/sampling.ts";
export { type Draft } from "./generate/speculative_decoder.ts";
export { WEIGHT_FORMATS, type WeightFormat } from "./graph/weights.ts";
export { type AttentionProbe, type ProbedModel } from "./observe/attention_probe.ts";
export {
  encodeFitted,
  FITTED_POLICIES,
  fittedPath,
  type FittedPolicy,
  type FittedShapes,
  type FittedWeights,
} from "./observe/fitted_weights.ts";
export {
  type CacheDtype,
  cacheDtypeName,
  type ElementDtype,
  type Granularity,
  isFloat32,
  parseCacheDtype,
  type VectorFormat,
} from "./rows/cache_dtype.ts";
export { type CacheOwner, type CacheShape } from "./rows/cache_shape.ts";
export { type ProbedRows, type QuantizedRows, type RowViews, type RunRows } from "./rows/head_rows.ts";
export { type PositionRange } from "./rows/position_range.ts";
export { type QuantizedVectors } from "./rows/quantized_vectors.ts";
export { type Rotary, type RotaryBeyond, type RotaryFrequencies, type RotaryLength } from "../numeric/rotary.ts";
export { type PositionMode } from "./rows/rotary_positions.ts";
export { type SessionOptions } from "./runtime/graph_session.ts";
export {
  type AttentionRecording,
  type ChunkRecording,
  type ChunkStart,
  DEFAULT_RECORDINGS,
  type ObservedSignal,
  prefillRecordings,
  type Recording,
  recordingsFor,
} from "./signals/signals.ts";
export { EMBEDDED_MODEL } from "./sources/embedded_model.ts";
export {
  type HubModel,
  type HubPlace,
  KNOWN_MODELS,
  type KnownModel,
  type ResolvedModel,
  type WheelPart,
  type WheelSource,
} from "./sources/known_models.ts";
export { listEmbedded, listModels, type ModelListing } from "./sources/list_models.ts";
export { checkModelName, findModel, modelNamed, resolveModel } from "./sources/resolve_model.ts";
export { type DownloadProgress, type FetchOptions, type SourceSettings } from "./sources/settings.ts";
export { type VerifiedFile, verifyEmbedded, verifyModel } from "./sources/verify_model.ts";
export type { UserTokens } from "./tokenizer/chat_template.ts";
export type { Spelled } from "./tokenizer/spelled_tokens.ts";
export { TemplateArgumentError, type TemplateArguments, type TemplateValue } from "./tokenizer/template_variables.ts";
export { tokenTexts } from "./tokenizer/text_stream.ts";
export {
  type ChatMessage,
  type ChatTemplateOptions,
  type DecodeOptions,
  type EncodeOptions,
  encodeStart,
  type Tokenizer,
  type TokenizerFiles,
} from "./tokenizer/tokenizer.ts";
