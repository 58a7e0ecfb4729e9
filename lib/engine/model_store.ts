import { builtFolder, writeModel } from "./built_folder.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { buildDecoder, GRAPH_VERSION } from "./decoder_graph.ts";
import type { WeightFormat } from "./weights.ts";

const FILES = { model: "model.onnx", weights: "model.onnx.data" };

/**
 * The built ONNX model of a checkpoint, built if it is not there yet. It is kept outside the project by the hash of
 * what it was built from, its weights in a file of their own, and appears whole or not at all.
 *
 * @returns the path of the model file
 */
export async function builtModel(checkpoint: Checkpoint, format: WeightFormat): Promise<string> {
  const name = `models/${checkpoint.hash.slice(0, 32)}-${format}-${GRAPH_VERSION}`;
  const folder = await builtFolder(
    name,
    (folder) => writeModel(folder, FILES, (sink) => buildDecoder(checkpoint, format, sink)),
  );
  return `${folder}/${FILES.model}`;
}
