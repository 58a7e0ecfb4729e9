import type { KvCache, Model } from "../../engine/mod.ts";
import { keptRows } from "../../policies/budget.ts";
import type { PromptIds } from "../dataset/kvpress_prompt.ts";

/** The control that has no cache to compress: see {@linkcode cutPrompt}. */
export const CUT_PROMPT = "cut_prompt";

/**
 * Reads a prompt that was cut to as many tokens as an eviction would keep rows: the template's opening and the context's
 * newest tokens, read afresh. What an eviction has to beat: it costs nothing to know, and no memory beyond its own.
 *
 * @param compressionRatio fraction of tokens cut, in [0, 1)
 */
export async function cutPrompt(
  model: Pick<Model, "read" | "createCache">,
  { contextIds, openingTokens }: PromptIds,
  compressionRatio: number,
  signal?: AbortSignal,
): Promise<KvCache> {
  const cache = model.createCache();
  await model.read(cache, cutIds(contextIds, openingTokens, compressionRatio), {
    logitsOf: "none",
    attention: "skip",
    signal,
  });
  return cache;
}

/** The tokens that stay: the opening, then the newest, in all as many as a cache of this ratio has rows. */
export function cutIds(contextIds: readonly number[], openingTokens: number, compressionRatio: number): number[] {
  const count = keptRows(contextIds.length, compressionRatio);
  const opening = Math.min(openingTokens, count);
  return [...contextIds.slice(0, opening), ...contextIds.slice(contextIds.length - (count - opening))];
}
