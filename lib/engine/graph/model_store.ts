import { builtFolder } from "../../files/built_folder.ts";
import { exists } from "../../files/exists.ts";
import { writeAll, writeAtomic } from "../../files/write_atomic.ts";
import type { Checkpoint, ModelConfig } from "../checkpoint/checkpoint.ts";
import { readCheckpoint } from "../checkpoint/read_checkpoint.ts";
import { type CacheDtype, cacheDtypeName } from "../rows/cache_dtype.ts";
import { buildDecoder, GRAPH_VERSION } from "./decoder_graph.ts";
import { placedWeights, writeModel } from "./model_files.ts";
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

/**
 * The model of a row format, beside the one of float32 rows, whose weights it shares.
 *
 * @param checkpointPath where the checkpoint is
 * @returns the path of the model file, and the model's shape
 */
export async function builtRowModel(
  checkpointPath: string,
  format: WeightFormat,
  cacheDtype: CacheDtype,
): Promise<{ path: string; config: ModelConfig }> {
  using checkpoint = await readCheckpoint(checkpointPath);
  const float = await builtModel(checkpoint, format);
  const path = float.replace(FILES.model, `model.${cacheDtypeName(cacheDtype).replace(/[^a-z0-9]/g, "-")}.onnx`);
  if (!exists(path)) {
    const sink = placedWeights(FILES.weights, () => {});
    const model = buildDecoder(checkpoint, format, sink, cacheDtype);
    await writeAtomic(path, (file) => writeAll(file, model));
  }
  return { path, config: checkpoint.config };
}
