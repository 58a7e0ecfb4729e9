import { builtFolder, exists, placedWeights, writeModel } from "./built_folder.ts";
import type { Checkpoint, ModelConfig } from "./checkpoint.ts";
import { buildDecoder, GRAPH_VERSION } from "./decoder_graph.ts";
import { readCheckpoint } from "./read_checkpoint.ts";
import { type RowFormat, rowFormatName } from "./row_format.ts";
import type { WeightFormat } from "./weights.ts";
import { writeWhole } from "./write_whole.ts";

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
  rows: RowFormat,
): Promise<{ path: string; config: ModelConfig }> {
  using checkpoint = await readCheckpoint(checkpointPath);
  const float = await builtModel(checkpoint, format);
  const path = float.replace(FILES.model, `model.${rowFormatName(rows).replace(/[^a-z0-9]/g, "-")}.onnx`);
  if (!await exists(path)) {
    const sink = placedWeights(FILES.weights, () => {});
    const model = buildDecoder(checkpoint, format, sink, rows);
    await writeWhole(path, (file) => {
      for (let written = 0; written < model.length;) written += file.writeSync(model.subarray(written));
    });
  }
  return { path, config: checkpoint.config };
}
