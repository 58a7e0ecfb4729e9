import { topK } from "../numeric/top_k.ts";
import type { Budget, Layer, Protection, Scores } from "./policy.ts";

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
  let first = 0;
  return layers.map(({ heads }) => counts.subarray(first, first += heads.length));
}
