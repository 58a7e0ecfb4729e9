import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import { type Model, type PositionMode, prefillRecordings } from "../../engine/mod.ts";
import { clusterBootstrap } from "../../metrics/bootstrap.ts";
import { tokenLosses } from "../../numeric/log_probabilities.ts";
import { keepAll } from "../../policies/keep_all.ts";
import type { Policy } from "../../policies/policy.ts";
import { evictedForks } from "../run/evicted_forks.ts";
import { checkSetting, type Setting, type SettingName, settingName } from "../run/setting.ts";

/** How a long text is read. */
export interface PerplexityOptions {
  /** Tokens read before an eviction; 768 by default. */
  readonly contextTokens?: number;
  /** Tokens read after it, which is also the stride; 256 by default. The first is not judged, as the full cache had predicted it. */
  readonly stride?: number;
  /** Windows; as many as the text has by default. */
  readonly windows?: number;
  /** `logical` by default. */
  readonly positions?: PositionMode;
  /** Ends the study between two readings. */
  readonly signal?: AbortSignal;
  /** Called with the windows done and their number. */
  readonly onProgress?: (done: number, total: number) => void;
}

const PERPLEXITY_OPTIONS: OptionNames<PerplexityOptions> = {
  contextTokens: true,
  stride: true,
  windows: true,
  positions: true,
  signal: true,
  onProgress: true,
};

/** How well a setting predicts text, by the names that JSON gives it. */
export interface PerplexityRow extends SettingName {
  /** Windows. */
  readonly n: number;
  /** Tokens judged. */
  readonly tokens: number;
  /** e to the mean negative log-probability of a token. */
  readonly perplexity: number;
  /** Lower end of its 95 % interval (bootstrap by window). */
  readonly ci_low: number;
  /** Upper end of its interval. */
  readonly ci_high: number;
  /** Nats a token more than the full cache's, on the same tokens. */
  readonly delta_nll: number;
  /** Lower end of its 95 % interval (paired bootstrap by window). */
  readonly delta_nll_low: number;
  /** Upper end of its interval. */
  readonly delta_nll_high: number;
}

/**
 * Perplexity of a long text under evicted caches: windows that overlap in their context are read, evicted, and judged on
 * the tokens that follow, so that no token is judged twice. The full cache comes first.
 *
 * @param ids the text's tokens
 * @throws {RangeError} if the text does not hold a window
 */
export async function perplexity(
  model: Pick<Model, "read" | "createCache" | "config">,
  ids: readonly number[],
  settings: readonly Setting<Policy>[],
  options: PerplexityOptions = {},
): Promise<PerplexityRow[]> {
  checkOptions("perplexity", options, PERPLEXITY_OPTIONS);
  settings.forEach(checkSetting);
  const { contextTokens = 768, stride = 256, windows, positions = "logical", signal, onProgress } = options;
  const fitting = Math.floor((ids.length - contextTokens) / stride);
  const count = Math.min(windows ?? fitting, fitting);
  if (!(count >= 1) || stride < 2) {
    throw new RangeError(
      `Cannot judge windows of ${contextTokens} + ${stride} tokens as the text has ${ids.length}: give a longer text`,
    );
  }
  const all: Setting<Policy>[] = [{ policy: keepAll(), compressionRatio: 0 }, ...settings];
  const losses = all.map(() => [] as number[][]);
  for (let window = 0; window < count; window++) {
    const start = window * stride;
    const next = ids.slice(start + contextTokens, start + contextTokens + stride);
    using context = model.createCache(prefillRecordings(settings.flatMap(({ policy }) => policy.signals)));
    await model.read(context, ids.slice(start, start + contextTokens), { logitsOf: "none", signal });
    const evicted = evictedForks(context, positions);
    for (const [setting, { policy, compressionRatio, cacheDtype }] of all.entries()) {
      using cache = await evicted(policy, compressionRatio, { signal });
      if (cacheDtype !== undefined) cache.quantize(cacheDtype);
      const logits = await model.read(cache, next.slice(0, -1), { logitsOf: "all", attention: "skip", signal });
      losses[setting].push(tokenLosses(logits, next.slice(1)));
    }
    onProgress?.(window + 1, count);
  }
  return all.map((own, setting) => {
    const { mean, low, high } = clusterBootstrap(losses[setting]);
    const deltaNll = clusterBootstrap(
      losses[setting].map((lost, window) => lost.map((loss, at) => loss - losses[0][window][at])),
    );
    return {
      ...settingName(own),
      n: count,
      tokens: count * (stride - 1),
      perplexity: Math.exp(mean),
      ci_low: Math.exp(low),
      ci_high: Math.exp(high),
      delta_nll: deltaNll.mean,
      delta_nll_low: deltaNll.low,
      delta_nll_high: deltaNll.high,
    };
  });
}
