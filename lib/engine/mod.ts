/**
 * The engine: a transformer on onnxruntime whose cache keeps rows per kv head, so that evicted rows are really gone.
 *
 * ```ts ignore
 * import { loadModel } from "kvmirror/engine";
 * import { policy } from "kvmirror/policies";
 *
 * await using model = await loadModel("auto");
 * const cache = await model.prefill("Sam's dog is called Biscuit. The cat has no name.\n");
 * cache.compress(policy("hybrid"), { compressionRatio: 0.5 });
 * const { text } = await model.generate("What is the dog called?", { cache, maxNewTokens: 16 });
 * ```
 *
 * @module
 */
export { accountOf } from "./account_of.ts";
export type { Bound, BoundSize } from "./bound.ts";
export type { Machine } from "./cache_folder.ts";
export { type Capture, type CaptureOptions, captureTrace } from "./capture_trace.ts";
export { Chat, type ChatOptions } from "./chat.ts";
export type { Architecture, Checkpoint, ModelConfig, TensorInfo, TokenizerFiles } from "./checkpoint.ts";
export { type GeneratedToken, Generation, type GenerationResult } from "./generation.ts";
export type { CompressSize } from "./compress_budget.ts";
export type { CacheOwner } from "./cache_owner.ts";
export type { CacheShape } from "./cache_shape.ts";
export { type CompressTo, KvCache } from "./kv_cache.ts";
export type { PositionRange } from "./position_range.ts";
export type { RewindRange } from "./rewind_range.ts";
export type { PositionMode } from "./rotary_places.ts";
export type { DownloadProgress, FetchOptions } from "./sources/download_progress.ts";
export { KNOWN_MODELS, type KnownModel, type WheelSource } from "./sources/known_models.ts";
export { EMBEDDED_MODEL } from "./sources/embedded_model.ts";
export { listEmbedded, listModels, type ModelListing } from "./sources/list_models.ts";
export {
  checkModelName,
  fetchModel,
  findModel,
  type ResolvedModel,
  resolveModel,
  type ResolveOptions,
} from "./sources/resolve_model.ts";
export { type SourceSettings, sourceSettings } from "./sources/source_settings.ts";
export { type VerifiedFile, verifyEmbedded, verifyModel } from "./sources/verify_model.ts";
export { loadModel, type LoadOptions } from "./load_model.ts";
export type { Draft } from "./draft.ts";
export { promptLookup, type PromptLookupOptions } from "./prompt_lookup.ts";
export { type GenerateOptions, Model, type ModelOrigin, type PrefillOptions, type Template } from "./model.ts";
export { readCheckpoint } from "./read_checkpoint.ts";
export { reusePrefix } from "./reuse_prefix.ts";
export type { LogitsOf, ReadOptions } from "./read_tokens.ts";
export type { CacheObserver, ObserveOptions } from "./observer.ts";
export type { ChunkMoments } from "./query_moments.ts";
export { OBSERVED_NEEDS, type ObservedNeed } from "./observed_need.ts";
export { createSampler, likeliest, type Sampler, type SamplingOptions } from "./sampling.ts";
export type {
  DecoderInputs,
  DecoderOutputs,
  DecoderSession,
  LayerValue,
  RowViews,
  RunRows,
  SessionOptions,
} from "./session.ts";
export type { PackedRows } from "./head_rows.ts";
export type { PackedVectors } from "./packed_vectors.ts";
export type { RowBytes } from "./row_bytes.ts";
export {
  DEFAULT_WINDOW,
  FLOAT_ROWS,
  type Granularity,
  isFloatRows,
  ROW_DTYPES,
  type RowDtype,
  type RowFormat,
  rowFormat,
  rowFormatName,
  type VectorFormat,
} from "./row_format.ts";
export { type AttentionTap, type ChunkStart, DEFAULT_TAPS, prefillTaps, type Tap, tapsFor } from "./signals.ts";
export type { ChatMessage, ChatTemplateOptions, DecodeOptions, Tokenizer } from "./tokenizer.ts";
export { tokenTexts } from "./token_texts.ts";
export { WEIGHT_FORMATS, type WeightFormat } from "./weights.ts";
export { type AttentionProbe, type ProbedModel, type ProbedRows } from "./attention_probe.ts";
export { encodeProbe } from "./probe_file.ts";
export { probePath } from "./probe_store.ts";
