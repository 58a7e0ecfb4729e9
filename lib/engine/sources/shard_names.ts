import { parseJsonObject } from "../json_object.ts";
import { readWeightMap } from "../safetensors/read_weight_map.ts";

/** The file that lists the shards of a model whose weights are in several files. */
export const SHARD_INDEX = "model.safetensors.index.json";

/**
 * The names of a model's shards, from the content of its index.
 *
 * @throws {SyntaxError} if it is no such index, or a name leads out of the model's folder
 */
export function shardNames(index: Uint8Array): string[] {
  return [...new Set(readWeightMap(parseJsonObject(index, SHARD_INDEX)).values())];
}
