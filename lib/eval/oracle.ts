import type { KvCache, Model } from "../engine/mod.ts";
import { definePolicy } from "../policies/define_policy.ts";
import type { Policy } from "../policies/policy.ts";

const ATTENTION = { attention: "sum", queries: "all" } as const;

/**
 * The policy that knows the future: it ranks each head's rows by the attention that they will receive from the question
 * and the full cache's own answer. No policy can choose so, as a rule: it is a ceiling among evictions.
 *
 * @param context the cache that will be compressed, its attention recorded
 * @param laterIds the tokens that follow it in a full-cache run
 */
export async function oracle(
  model: Pick<Model, "read">,
  context: KvCache,
  laterIds: readonly number[],
  signal?: AbortSignal,
): Promise<Policy> {
  using run = context.fork();
  const before = attention(run);
  await model.read(run, laterIds, { logitsOf: "none", attention: "record", signal });
  const after = attention(run);
  return definePolicy({
    name: "oracle",
    needs: [],
    score: ({ index, heads }) =>
      heads.map(({ positions }, kvHead) =>
        Float32Array.from(positions, (_, row) => after[index][kvHead][row] - before[index][kvHead][row])
      ),
  });
}

/** Attention received so far, `[layer][kv head][row]`, a copy. */
function attention(cache: KvCache): Float32Array[][] {
  return cache.layers().map(({ heads }) => heads.map((head) => Float32Array.from(head.signal(ATTENTION))));
}
