import { topK } from "../numeric/top_k.ts";
import { keptRows } from "./budget.ts";
import { definePolicy, raisedScores } from "./define_policy.ts";
import { checkCounts, type OptionsOf, withDefaults } from "./options.ts";
import type { Budget, Layer, Policy, PolicyDefinition, Scores } from "./policy.ts";
import { readOnce, someRows } from "./some_rows.ts";
import { scorerOf } from "./wrap.ts";

/** Options of {@linkcode block}, with their defaults. */
export const BLOCK_OPTIONS = {
  /** Rows that join those that are kept before some go again. */
  blockSize: 128,
} as const;

/**
 * Compresses as a reader in little memory would: the first rows fill the budget, then block after block joins them, and
 * as many rows go as came. A row is compared with the rows that are left, so that one that went cannot come back. The
 * block prompt processing of KeyDiff (Park et al. 2025, https://arxiv.org/abs/2504.15364), for any policy, as kvpress has
 * it: the text is read whole, and its signals are of the whole text.
 *
 * @throws {TypeError} if the policy cannot be wrapped
 * @throws {RangeError} if the block's size is no whole number of at least 1
 */
export function block(policy: Policy, options: OptionsOf<typeof BLOCK_OPTIONS> = {}): Policy {
  const { blockSize } = withDefaults("block", BLOCK_OPTIONS, options);
  checkCounts("block", { blockSize }, 1);
  const definition = scorerOf(policy, "block");
  return definePolicy({
    name: `block(${definition.name})`,
    paper: "Park et al. 2025, https://arxiv.org/abs/2504.15364",
    signals: definition.signals,
    score: (layer, budget) => timesOfLeaving(definition, layer, budget, blockSize),
    // No wrapper may compare a time with another head's.
    select: (scores, counts) => scores.map((own, head) => topK(own, counts[head])),
  });
}

/** The block at which each row goes, from 1, `[kv head][row]`; one more than there are blocks for the rows that stay. */
function timesOfLeaving(definition: PolicyDefinition, layer: Layer, budget: Budget, blockSize: number): Scores {
  const heads = layer.heads.map(readOnce);
  const counts = heads.map(({ positions }) => keptRows(positions.length, budget.ratio));
  const blocks = Math.max(
    0,
    ...heads.map(({ positions }, head) => Math.ceil((positions.length - counts[head]) / blockSize)),
  );
  const times = heads.map(({ positions }) => new Float64Array(positions.length).fill(blocks + 1));
  let kept = counts.map((count) => rowsBetween(0, count));
  for (let block = 0; block < blocks; block++) {
    const candidates = heads.map(({ positions }, head) => {
      const first = counts[head] + block * blockSize;
      return [...kept[head], ...rowsBetween(first, Math.min(first + blockSize, positions.length))];
    });
    const parts = heads.map((head, index) => someRows(head, Uint32Array.from(candidates[index])));
    const longest = Math.max(...candidates.map(({ length }) => length));
    const rows = Math.max(...counts);
    const raised = raisedScores(definition, { ...layer, heads: parts }, { ratio: 1 - rows / longest, rows });
    kept = candidates.map((rows, head) => {
      const stays = new Set(topK(raised[head], counts[head]));
      rows.forEach((row, place) => {
        if (!stays.has(place)) times[head][row] = block + 1;
      });
      return rows.filter((_, place) => stays.has(place));
    });
  }
  return times;
}

function rowsBetween(first: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - first) }, (_, row) => first + row);
}
