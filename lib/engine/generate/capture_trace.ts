import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import { bytesPerToken } from "../../metrics/bytes_per_token.ts";
import { encodeFooter, encodeHeader, encodeStep } from "../../trace/encode_trace.ts";
import type { TraceHeader, TraceStep } from "../../trace/trace_header.ts";
import { TraceTotals } from "../../trace/trace_summary.ts";
import type { KvCache } from "../cache/kv_cache.ts";
import { evictableLayers, narrowestWindow } from "../rows/cache_shape.ts";
import { encodeStart } from "../tokenizer/tokenizer.ts";
import type { Model } from "./model.ts";

/** Options of {@linkcode captureTrace}. */
export interface CaptureOptions {
  /** Steps, 16 by default: the prompt's last query is the first, each generated token but the last is one more. */
  readonly maxNewTokens?: number;
  /** Receives the trace file piece by piece, header first. */
  readonly write?: (bytes: Uint8Array) => void;
  /** Ends the capture between two steps. */
  readonly signal?: AbortSignal;
  /** Called with the tokens read and generated so far. */
  readonly onProgress?: (read: number, total: number) => void;
}

const CAPTURE_OPTIONS: OptionNames<CaptureOptions> = {
  maxNewTokens: true,
  write: true,
  signal: true,
  onProgress: true,
};

/** The result of a capture beside its file. */
export interface Capture {
  /** The attention of all steps, added up. */
  readonly totals: TraceTotals;
  /** Generated ids. */
  readonly ids: readonly number[];
  /** Generated text. */
  readonly text: string;
}

const NEWEST_QUERY = { attention: "sum", queries: 1 } as const;

/**
 * Reads a prompt without a template and generates greedily. It records the attention of each step's newest query to the
 * prompt's tokens in every layer and kv head, and stops at the model's end token, or where its context is full. Of a model that has layers with a window
 * and layers without, it records those without.
 *
 * @throws {RangeError} if the prompt is empty, or longer than the model's context or the window of all its layers
 *
 * @example
 * ```ts
 * import { assertEquals, assertStringIncludes } from "@std/assert";
 * import { captureTrace, loadModel } from "kvmirror/engine";
 *
 * await using model = await loadModel("tiny");
 * const prompt = "The special number for whale is 4711. The rain fell in torrents. The special number for whale is";
 * const { totals, text } = await captureTrace(model, prompt, { maxNewTokens: 6 });
 * assertStringIncludes(text, "4711");
 * assertEquals(totals.summary().generated_token_count, 6);
 * ```
 */
export async function captureTrace(
  model: Model,
  prompt: string,
  options: CaptureOptions = {},
): Promise<Capture> {
  checkOptions("captureTrace", options, CAPTURE_OPTIONS);
  const { maxNewTokens = 16, write, signal, onProgress } = options;
  const promptIds = encodeStart(model.tokenizer, prompt);
  using cache = model.createCache([NEWEST_QUERY.queries]);
  const window = narrowestWindow(cache.shape);
  if (promptIds.length + maxNewTokens > window) {
    throw new RangeError(
      `Cannot trace ${promptIds.length} tokens and ${maxNewTokens} more as every layer's window is ${window}: ` +
        `shorten the prompt`,
    );
  }
  const header = traceHeader(model, promptIds, evictableLayers(cache.shape).length);
  write?.(encodeHeader(header));
  const totals = new TraceTotals(header);
  const total = promptIds.length + maxNewTokens;
  const generation = model.generateFrom(promptIds, {
    cache,
    maxNewTokens,
    attention: "record",
    signal,
    onProgress: (read) => onProgress?.(read, total),
    onLogits: () => {
      const step = promptAttention(cache, promptIds.length);
      write?.(encodeStep(header, step));
      totals.add(step);
      onProgress?.(cache.tokenCount + 1, total);
    },
  });
  const { text, ids } = await generation;
  write?.(encodeFooter({ generated_token_count: ids.length, generated_ids: ids }));
  return { totals, ids, text };
}

function traceHeader(model: Model, promptIds: readonly number[], layerCount: number): TraceHeader {
  const { numKeyValueHeads, headDim } = model.config;
  return {
    model_name: model.origin.name,
    prompt_token_count: promptIds.length,
    layer_count: layerCount,
    kv_head_count: numKeyValueHeads,
    bytes_per_token: bytesPerToken({
      layerCount,
      headCount: numKeyValueHeads,
      headDim,
      bytesPerValue: 2,
    }),
    token_texts: promptIds.map((id) => model.tokenizer.tokenText(id)),
  };
}

/** The newest query's attention to the prompt's rows: `[layers · kv heads, prompt tokens]`. */
function promptAttention(cache: KvCache, count: number): TraceStep {
  const heads = cache.layers().flatMap(({ heads }) => heads);
  const step = new Float32Array(heads.length * count);
  heads.forEach((head, index) => step.set(head.signal(NEWEST_QUERY).subarray(0, count), index * count));
  return step;
}
