import type { KvCache, Model } from "../../engine/mod.ts";
import type { Layer } from "../../policies/policy.ts";

/** The attention that rows will receive, `[layer][kv head][row]`. */
export type LaterAttention = readonly (readonly Float32Array[])[];

const ATTENTION = { attention: "sum", queries: "all" } as const;

/**
 * The attention that a cache's rows will receive from the tokens that follow, `[layer][kv head][row]`: what only an oracle
 * can rank by.
 *
 * @param context the cache that will be compressed, its attention recorded; it stays as it is
 * @param laterIds the tokens that follow it in a full-cache run
 */
export async function laterAttention(
  model: Pick<Model, "read">,
  context: KvCache,
  laterIds: readonly number[],
  signal?: AbortSignal,
): Promise<LaterAttention> {
  using run = context.fork();
  const before = received(run);
  await model.read(run, laterIds, { logitsOf: "none", attention: "record", signal });
  const after = received(run);
  return before.map((heads, layer) =>
    heads.map((rows, kvHead) => rows.map((value, row) => after[layer][kvHead][row] - value))
  );
}

/** The same layers, with the signal `laterAttention` beside their own. */
export function withLaterAttention(layers: readonly Layer[], later: LaterAttention): Layer[] {
  return layers.map((layer) => ({
    ...layer,
    heads: layer.heads.map((head, kvHead) => ({
      positions: head.positions,
      signal: (signal) => signal === "laterAttention" ? later[layer.index][kvHead] : head.signal(signal),
    })),
  }));
}

/** Attention received so far, copies. */
function received(cache: KvCache): Float32Array[][] {
  return cache.layers().map(({ heads }) => heads.map((head) => Float32Array.from(head.signal(ATTENTION))));
}
