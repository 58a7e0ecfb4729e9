import { cacheFolder } from "./cache_folder.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { buildDecoder, GRAPH_VERSION } from "./decoder_graph.ts";
import type { WeightFormat } from "./weights.ts";

const MODEL_FILE = "model.onnx";
const WEIGHTS_FILE = "model.onnx.data";
/** Weights begin at multiples of a page, so that the runtime can map them. */
const ALIGNMENT = 4096;

/**
 * The built ONNX model of a checkpoint, built if it is not there yet. It is kept outside the project by the hash of
 * what it was built from, its weights in a file of their own, and appears whole or not at all.
 *
 * @returns the path of the model file
 */
export async function builtModel(checkpoint: Checkpoint, format: WeightFormat): Promise<string> {
  const folder = `${cacheFolder()}/models/${checkpoint.hash.slice(0, 32)}-${format}-${GRAPH_VERSION}`;
  const path = `${folder}/${MODEL_FILE}`;
  if (await exists(path)) return path;
  await Deno.mkdir(`${cacheFolder()}/models`, { recursive: true });
  const building = await Deno.makeTempDir({ dir: `${cacheFolder()}/models`, prefix: "building-" });
  try {
    await build(checkpoint, format, building);
    await Deno.rename(building, folder).catch(async (error) => {
      // Another process was faster: its model is as good as ours.
      if (!await exists(path)) throw error;
    });
  } finally {
    await Deno.remove(building, { recursive: true }).catch(() => {});
  }
  return path;
}

async function build(checkpoint: Checkpoint, format: WeightFormat, folder: string): Promise<void> {
  const file = Deno.openSync(`${folder}/${WEIGHTS_FILE}`, { write: true, createNew: true });
  try {
    let end = 0;
    const model = buildDecoder(checkpoint, format, {
      location: WEIGHTS_FILE,
      write: (bytes) => {
        const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
        file.seekSync(offset, Deno.SeekMode.Start);
        for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
        end = offset + bytes.length;
        return { offset };
      },
    });
    await Deno.writeFile(`${folder}/${MODEL_FILE}`, model);
  } finally {
    file.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
