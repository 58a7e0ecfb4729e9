import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import { type KvCache, type Model, type PositionMode, prefillRecordings } from "../../engine/mod.ts";
import { recall } from "../../metrics/recall.ts";
import { mean } from "../../numeric/mean.ts";
import { topK } from "../../numeric/top_k.ts";
import type { Policy, Signal } from "../../policies/policy.ts";
import { evictedForks } from "../run/evicted_forks.ts";
import { checkSetting, type Setting, type SettingName } from "../run/setting.ts";

/** How much a setting keeps of what matters, by three measures, each a mean over all layers and kv heads, in [0, 1]. */
export interface RetentionRecall extends SettingName {
  /** The original's: of the tokens with the most attention from the context's newest query, the share kept. */
  readonly heavy_hitter_recall: number;
  /** Of the tokens with the most attention from the tokens that follow, the share kept. */
  readonly later_recall: number;
  /** Of the attention that a head pays to the context from the tokens that follow, the share that falls on kept rows. */
  readonly later_attention: number;
}

/** Options of {@linkcode retentionRecall}. */
export interface RetentionRecallOptions {
  /** Tokens of a recall's target, 96 by default, as in the original. */
  readonly topk?: number;
  /** `logical` by default. */
  readonly positions?: PositionMode;
  /** Ends the study between two readings. */
  readonly signal?: AbortSignal;
}

const RETENTION_RECALL_OPTIONS: OptionNames<RetentionRecallOptions> = { topk: true, positions: true, signal: true };

const ALL: Signal = { attention: "sum", queries: "all" };
const NEWEST: Signal = { attention: "sum", queries: 1 };

/**
 * What policies keep of one context, measured by a signal that some of them rank by (the newest query's attention) and by
 * one that none can read (the attention of tokens that come later). A target's tokens are ranked as the original does:
 * summed over the layers, the mean over the heads.
 *
 * @param contextIds what is read before the eviction
 * @param laterIds what follows it with the full cache: a question and its answer, or the text's next tokens
 * @throws {RangeError} if there is no context or nothing follows it, or they do not fit the model's context
 */
export async function retentionRecall(
  model: Pick<Model, "read" | "createCache">,
  contextIds: readonly number[],
  laterIds: readonly number[],
  settings: readonly Setting<Policy>[],
  options: RetentionRecallOptions = {},
): Promise<RetentionRecall[]> {
  checkOptions("retentionRecall", options, RETENTION_RECALL_OPTIONS);
  settings.forEach(checkSetting);
  const { topk = 96, positions = "logical", signal } = options;
  if (contextIds.length === 0 || laterIds.length === 0) {
    throw new RangeError(
      `Cannot tell later attention from ${laterIds.length} tokens after ${contextIds.length}: give at least one of each`,
    );
  }
  using context = model.createCache(prefillRecordings(settings.flatMap(({ policy }) => policy.signals)));
  await model.read(context, contextIds, { logitsOf: "none", signal });
  const [newest, before] = [received(context, NEWEST), received(context, ALL)];
  using run = context.fork();
  await model.read(run, laterIds, { logitsOf: "none", attention: "record", signal });
  const after = received(run, ALL);
  const later = before.map((head, index) => head.map((value, row) => after[index][row] - value));
  const heavyHitters = topK(overHeads(newest), topk);
  const laterHitters = topK(overHeads(later), topk);
  const evicted = evictedForks(context, positions);
  const rows: RetentionRecall[] = [];
  for (const { policy, compressionRatio } of settings) {
    using cache = await evicted(policy, compressionRatio, { signal });
    const kept = keptPositions(cache);
    rows.push({
      policy: policy.name,
      compression_ratio: compressionRatio,
      heavy_hitter_recall: mean(kept.map((positions) => recall(heavyHitters, positions))),
      later_recall: mean(kept.map((positions) => recall(laterHitters, positions))),
      later_attention: mean(
        kept.map((positions, head) => sum(positions, later[head]) / sum(later[head].keys(), later[head])),
      ),
    });
  }
  return rows;
}

/** Attention received so far, `[layer · kv heads + kv head][row]`, copies. */
function received(cache: KvCache, signal: Signal): Float64Array[] {
  return cache.layers().flatMap(({ heads }) => heads.map((head) => Float64Array.from(head.signal(signal))));
}

/** The sum of all heads, `[tokens]`; every layer has as many, so it ranks as the sum of the layers' means does. */
function overHeads(heads: readonly Float64Array[]): Float64Array {
  return heads[0].map((_, token) => heads.reduce((sum, head) => sum + head[token], 0));
}

/** Positions of each head's rows, ascending. */
function keptPositions(cache: KvCache): Uint32Array[] {
  return cache.layers().flatMap(({ heads }) => heads.map(({ positions }) => Uint32Array.from(positions)));
}

function sum(rows: Iterable<number>, values: Float64Array): number {
  let total = 0;
  for (const row of rows) total += values[row];
  return total;
}
