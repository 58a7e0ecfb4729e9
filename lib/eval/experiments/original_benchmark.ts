import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import { captureTrace, type Model } from "../../engine/mod.ts";
import { recall } from "../../metrics/recall.ts";
import { topK } from "../../numeric/top_k.ts";
import { policy } from "../../policies/table.ts";
import { findTokens } from "../../trace/find_tokens.ts";
import { replay, replayRows } from "../../trace/replay.ts";
import { laterAttention } from "../../trace/trace_summary.ts";
import { factPrompt } from "../dataset/fact_prompt.ts";

/** What one of the original's policies keeps of the trace. */
export interface OriginalBenchmarkRow {
  /** The policy's name. */
  readonly policy: string;
  /** Tokens that stay. */
  readonly kept_tokens: number;
  /** Kept of all tokens, in [0, 1]. */
  readonly kept_ratio: number;
  /** Cache bytes of what goes, at 2 bytes a value. */
  readonly estimated_saved_bytes: number;
  /** Of the 96 tokens with the most attention, the share kept: the policy has seen that attention. */
  readonly heavy_hitter_recall: number;
  /** Of the 96 tokens with the most attention *after* the prompt, the share kept by rows chosen at its end. */
  readonly later_recall: number;
  /** Of the asked fact's tokens, the share kept by rows chosen at the prompt's end. */
  readonly fact_recall: number;
}

/** The original's benchmark of one prompt. */
export interface OriginalBenchmark {
  /** Tokens of the prompt. */
  readonly prompt_tokens: number;
  /** Steps of the trace: the prompt's last query and each generated token but the last. */
  readonly steps: number;
  /** What the prompt's question asks for. */
  readonly expected: string;
  /** What the model says, with all rows. */
  readonly answer: string;
  /** `keep_all`, `recent_window` with 256 tokens and `hybrid` with 192 and 96. */
  readonly policies: readonly OriginalBenchmarkRow[];
}

/** Options of {@linkcode originalBenchmark}. */
export interface OriginalBenchmarkOptions {
  /** Of the prompt; 42 by default. */
  readonly seed?: number;
  /** Sentences of boilerplate; 42 by default, some 550 tokens. */
  readonly sentences?: number;
  /** Steps at most; 24 by default. */
  readonly maxNewTokens?: number;
  /** Ends the benchmark between two steps. */
  readonly signal?: AbortSignal;
}

const ORIGINAL_BENCHMARK_OPTIONS: OptionNames<OriginalBenchmarkOptions> = {
  seed: true,
  sentences: true,
  maxNewTokens: true,
  signal: true,
};

/** Tokens of a recall's target. */
const TARGET = 96;

/**
 * The second table of the original (github.com/0xAshraFF/KVMirror): its policies with its numbers on the recorded attention
 * of a prompt of facts in boilerplate, and beside its recall two targets that no policy has seen.
 *
 * @throws {RangeError} if the model says nothing after the prompt, or the prompt is longer than its context
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { loadModel } from "kvmirror/engine";
 * import { originalBenchmark } from "kvmirror/eval";
 *
 * await using model = await loadModel("tiny");
 * const { policies } = await originalBenchmark(model, { sentences: 12, maxNewTokens: 4 });
 * assertEquals(policies.map(({ policy }) => policy), ["keep_all", "recent_window", "hybrid"]);
 * ```
 */
export async function originalBenchmark(
  model: Model,
  options: OriginalBenchmarkOptions = {},
): Promise<OriginalBenchmark> {
  checkOptions("originalBenchmark", options, ORIGINAL_BENCHMARK_OPTIONS);
  const { seed = 42, sentences = 42, maxNewTokens = 24, signal } = options;
  const { text: context, facts: [asked] } = factPrompt({ seed, sentences });
  const prompt = `${context}\n\nQuestion: ${asked.question}\nAnswer:`;
  const { totals, text: answer } = await captureTrace(model, prompt, { maxNewTokens, signal });
  const trace = totals.summary();
  const start = (await captureTrace(model, prompt, { maxNewTokens: 1, signal })).totals.summary();
  const later = topK(laterAttention(trace, start), TARGET);
  const ofFact = Uint32Array.from(findTokens(trace.token_traces.map(({ token_text }) => token_text), asked.sentence));
  const window = policy("recent_window", { windowSize: 256 });
  const policies = [policy("keep_all"), window, policy("hybrid", { windowSize: 192, topk: TARGET })];
  return {
    prompt_tokens: trace.prompt_token_count,
    steps: trace.generated_token_count,
    expected: asked.answer,
    answer,
    policies: policies.map((each) => {
      const { stats } = replay(trace, each);
      const rows = replayRows(start, each);
      return {
        policy: each.name,
        kept_tokens: stats.kept_tokens,
        kept_ratio: stats.kept_ratio,
        estimated_saved_bytes: stats.estimated_saved_bytes,
        heavy_hitter_recall: stats.heavy_hitter_recall,
        later_recall: recall(later, rows),
        fact_recall: recall(ofFact, rows),
      };
    }),
  };
}
