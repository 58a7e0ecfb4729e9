import { topK } from "../numeric/top_k.ts";
import { keptRows } from "./budget.ts";
import { definePolicy, raisedScores } from "./define_policy.ts";
import { checkCounts, type OptionsOf, withDefaults } from "./options.ts";
import type { Budget, Layer, Policy, PolicyDefinition, Scores } from "./policy.ts";
import { readOnce, someRows } from "./some_rows.ts";
import { scorerOf } from "./wrap.ts";

/** Options of {@linkcode chunk}, with their defaults. */
export const CHUNK_OPTIONS = {
  /** Rows of a chunk. */
  chunkLength: 1024,
} as const;

/**
 * Compresses chunk after chunk as if each were a text of its own: a policy compares a row with the rows of its chunk
 * alone, and of every chunk the same part stays. The budget of FINCH (Corallo and Papotti 2024,
 * https://doi.org/10.1162/tacl_a_00716), for any policy, as kvpress has it.
 *
 * @throws {TypeError} if the policy cannot be wrapped
 * @throws {RangeError} if the chunk's length is no whole number of at least 1
 */
export function chunk(policy: Policy, options: OptionsOf<typeof CHUNK_OPTIONS> = {}): Policy {
  const { chunkLength } = withDefaults("chunk", CHUNK_OPTIONS, options);
  checkCounts("chunk", { chunkLength }, 1);
  const definition = scorerOf(policy, "chunk");
  return definePolicy({
    name: `chunk(${definition.name})`,
    paper: "Corallo and Papotti 2024, https://doi.org/10.1162/tacl_a_00716",
    signals: definition.signals,
    score: (layer, budget) => scoreChunks(definition, layer, budget, chunkLength),
    select: (scores, _, budget) => scores.map((own) => topOfChunks(own, budget, chunkLength)),
  });
}

/** The scores of a layer's rows, `[kv head][row]`, each given among the rows of its chunk. */
function scoreChunks(definition: PolicyDefinition, layer: Layer, { ratio }: Budget, chunkLength: number): Scores {
  const heads = layer.heads.map(readOnce);
  const scores = heads.map(({ positions }) => new Float64Array(positions.length));
  const longest = Math.max(0, ...scores.map(({ length }) => length));
  for (let first = 0; first < longest; first += chunkLength) {
    // Heads that evicted more before have fewer chunks.
    const held = heads.filter(({ positions }) => positions.length > first);
    const parts = held.map((head) => someRows(head, rowsFrom(first, head.positions.length, chunkLength)));
    const rows = keptRows(Math.min(chunkLength, longest - first), ratio);
    const raised = raisedScores(definition, { ...layer, heads: parts }, { ratio, rows });
    held.forEach((head, place) => scores[heads.indexOf(head)].set(raised[place], first));
  }
  return scores;
}

function rowsFrom(first: number, length: number, chunkLength: number): Uint32Array {
  return Uint32Array.from({ length: Math.min(chunkLength, length - first) }, (_, row) => first + row);
}

/** Of each chunk the highest rows, at least one; of equal ones the earlier. */
function topOfChunks(scores: Scores[number], { ratio }: Budget, chunkLength: number): Uint32Array {
  const kept: number[] = [];
  for (let first = 0; first < scores.length; first += chunkLength) {
    const own = scores.subarray(first, first + chunkLength);
    for (const row of topK(own, keptRows(own.length, ratio))) kept.push(first + row);
  }
  return Uint32Array.from(kept);
}
