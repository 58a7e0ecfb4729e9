import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import { type Model, type PositionMode, prefillRecordings, recordingsFor } from "../../engine/mod.ts";
import { clusterBootstrap } from "../../metrics/bootstrap.ts";
import { tokenLosses } from "../../numeric/log_probabilities.ts";
import type { Policy } from "../../policies/policy.ts";

/** When rows go: never, once the whole context was read, or between its chunks. */
export type EvictionTime = "never" | "at the end" | "between chunks";

/** How contexts are read. */
export interface BoundedPrefillOptions {
  /** Rows a head that are left of a context. */
  readonly rows: number;
  /** Tokens between two evictions; 256 by default. */
  readonly compressionInterval?: number;
  /** Tokens of a context; 2,048 by default. */
  readonly contextTokens?: number;
  /** Tokens that judge it; 128 by default. The first is not counted: the full cache saw it coming. */
  readonly judgeTokens?: number;
  /** Contexts, one after the other in the text; as many as it has by default. */
  readonly windows?: number;
  /** `logical` by default. */
  readonly positions?: PositionMode;
  /** Ends the study between two readings. */
  readonly signal?: AbortSignal;
  /** Called with the contexts done and their number. */
  readonly onProgress?: (done: number, total: number) => void;
}

const BOUNDED_PREFILL_OPTIONS: OptionNames<BoundedPrefillOptions> = {
  rows: true,
  compressionInterval: true,
  contextTokens: true,
  judgeTokens: true,
  windows: true,
  positions: true,
  signal: true,
  onProgress: true,
};

/** What a policy's eviction at one time cost, by the names that JSON gives it. */
export interface BoundedPrefillRow {
  /** Its name. */
  readonly policy: string;
  /** When its rows went. */
  readonly evicted: EvictionTime;
  /** Contexts. */
  readonly n: number;
  /** e to the mean negative log-probability of the tokens that follow a context. */
  readonly perplexity: number;
  /** Nats a token more than when the same policy evicts at the end; 0 where it does. */
  readonly delta_nll: number;
  /** Lower end of the cost's 95 % interval (bootstrap by context). */
  readonly delta_nll_low: number;
  /** Upper end. */
  readonly delta_nll_high: number;
  /** The most that keys and values took while a context was read, in bytes. */
  readonly peak_live_bytes: number;
}

interface StudiedSetting {
  readonly policy?: Policy;
  readonly evicted: EvictionTime;
  readonly losses: number[][];
  peak: number;
}

/**
 * What a ceiling costs: contexts are read once with rows that go between chunks, once whole and compressed at the end, to
 * the same number of rows, and judged on the tokens that follow. The full cache comes first.
 *
 * @param ids the text's tokens
 * @throws {RangeError} if the text does not hold a context, or no policy is given
 */
export async function boundedPrefill(
  model: Pick<Model, "read" | "createCache">,
  ids: readonly number[],
  policies: readonly Policy[],
  options: BoundedPrefillOptions,
): Promise<BoundedPrefillRow[]> {
  checkOptions("boundedPrefill", options, BOUNDED_PREFILL_OPTIONS);
  const { rows, compressionInterval = 256, contextTokens = 2048, judgeTokens = 128, positions = "logical", signal } =
    options;
  const fitting = Math.floor(ids.length / (contextTokens + judgeTokens));
  const count = Math.min(options.windows ?? fitting, fitting);
  if (!(count >= 1) || policies.length === 0) {
    throw new RangeError(
      `Cannot judge ${policies.length} policies on contexts of ${contextTokens} + ${judgeTokens} tokens as the text has ` +
        `${ids.length}: name a policy, and give a longer text`,
    );
  }
  const settings: StudiedSetting[] = [
    { evicted: "never", losses: [], peak: 0 },
    ...policies.flatMap((policy): StudiedSetting[] => [
      { policy, evicted: "at the end", losses: [], peak: 0 },
      { policy, evicted: "between chunks", losses: [], peak: 0 },
    ]),
  ];
  for (let window = 0; window < count; window++) {
    const start = window * (contextTokens + judgeTokens);
    const context = ids.slice(start, start + contextTokens);
    const next = ids.slice(start + contextTokens, start + contextTokens + judgeTokens);
    using whole = model.createCache(prefillRecordings(policies.flatMap(({ signals }) => signals)));
    await model.read(whole, context, { logitsOf: "none", signal });
    for (const setting of settings) {
      const { policy, evicted } = setting;
      const bounding = evicted === "between chunks" ? policy : undefined;
      using cache = bounding === undefined ? whole.fork() : model.createCache(recordingsFor(bounding.signals));
      setting.peak = Math.max(setting.peak, cache.liveBytes);
      if (bounding !== undefined) {
        const onProgress = () => setting.peak = Math.max(setting.peak, cache.liveBytes);
        const bound = { policy: bounding, rows, compressionInterval, positions };
        await model.read(cache, context, {
          bound,
          chunkLength: compressionInterval,
          logitsOf: "none",
          signal,
          onProgress,
        });
      }
      if (policy !== undefined) cache.compress(policy, { rows, positions });
      const logits = await model.read(cache, next.slice(0, -1), { logitsOf: "all", attention: "skip", signal });
      setting.losses.push(tokenLosses(logits, next.slice(1)));
    }
    options.onProgress?.(window + 1, count);
  }
  return settings.map(({ policy, evicted, losses, peak }) => {
    const atEnd = settings.find((setting) => setting.policy === policy && setting.evicted !== "between chunks")!.losses;
    const deltaNll = clusterBootstrap(losses.map((own, window) => own.map((loss, at) => loss - atEnd[window][at])));
    return {
      policy: policy?.name ?? "keep_all",
      evicted,
      n: count,
      perplexity: Math.exp(clusterBootstrap(losses).mean),
      delta_nll: deltaNll.mean,
      delta_nll_low: deltaNll.low,
      delta_nll_high: deltaNll.high,
      peak_live_bytes: peak,
    };
  });
}
