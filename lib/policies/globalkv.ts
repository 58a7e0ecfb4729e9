import { topK } from "../numeric/top_k.ts";
import { countsByLayer } from "./budget.ts";
import { definePolicy } from "./define_policy.ts";
import type { Budget, Layer, Policy, Protection, Scores } from "./policy.ts";
import { scorerOf } from "./wrap.ts";

/**
 * Shares the whole model's rows out: the highest scores stay, whichever layer and head they are in. Scores must be
 * comparable between layers, as shares of attention are. A budget of KVzip's (Kim et al. 2025,
 * https://arxiv.org/abs/2505.23416), for any policy.
 *
 * @throws {TypeError} if the policy cannot be wrapped
 */
export function globalkv(policy: Policy): Policy {
  const definition = scorerOf(policy, "globalkv");
  return definePolicy({
    ...definition,
    name: `globalkv(${definition.name})`,
    allocate: (scores, budget, layers) => shareOverModel(scores, budget, layers, definition.protect),
  });
}

/**
 * Rows per layer and head when the highest scores of the whole model stay, wherever they are: `[layer][kv head]`. Protected
 * rows stay before all others. Of n rows, n − ⌊n · ratio⌋ stay.
 */
export function shareOverModel(
  scores: readonly Scores[],
  budget: Budget,
  layers: readonly Layer[],
  { sinks = 0, recent = 0 }: Protection = {},
): Uint32Array[] {
  const total = layers.reduce((sum, { heads }) => heads.reduce((rows, head) => rows + head.positions.length, sum), 0);
  const joined = new Float64Array(total);
  const owner = new Uint32Array(total);
  let place = 0;
  let head = 0;
  layers.forEach(({ heads }, layer) =>
    heads.forEach(({ positions }, kvHead) => {
      positions.forEach((position, row) => {
        const stays = position < sinks || row >= positions.length - recent;
        joined[place] = stays ? Infinity : scores[layer][kvHead][row];
        owner[place++] = head;
      });
      head++;
    })
  );
  const counts = new Uint32Array(head);
  for (const index of topK(joined, total - Math.floor(total * budget.ratio))) counts[owner[index]]++;
  return countsByLayer(counts, layers);
}
