import { parseJsonObject } from "../../../files/json_object.ts";
import { quoted } from "../../../files/quoted.ts";

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

/** A bare file name: nothing that leads to another folder. */
const FILE_NAME = /^(?!\.\.?$)[^/\\\0]+\.safetensors$/;

/**
 * The file of each tensor, from the contents of model.safetensors.index.json.
 *
 * @throws {SyntaxError} if it has no weight map, or the map names anything but a file beside it
 */
export function readWeightMap(index: Readonly<Record<string, unknown>>): Map<string, string> {
  const map = index.weight_map;
  if (typeof map !== "object" || map === null || Array.isArray(map)) {
    throw new SyntaxError("Cannot read the safetensors index as its weight_map must be an object");
  }
  for (const [name, file] of Object.entries(map)) {
    if (typeof file === "string" && FILE_NAME.test(file)) continue;
    throw new SyntaxError(
      `Cannot read the safetensors index as ${name} must be in a .safetensors file of the same folder: ` +
        `current value is ${quoted(file)}`,
    );
  }
  return new Map(Object.entries(map as Record<string, string>));
}
