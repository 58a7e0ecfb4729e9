import { cacheFolder } from "./cache_folder.ts";
import type { WeightSink } from "./onnx_graph.ts";

/** Weights begin at multiples of a page, so that the runtime can map them. */
const ALIGNMENT = 4096;

/**
 * A folder of built files in the cache, built if it is not there yet: it appears whole or not at all.
 *
 * @param name what it was built from and how, `models/<hash>-int4`
 * @param build fills an empty folder
 * @returns its path
 */
export async function builtFolder(name: string, build: (folder: string) => Promise<void>): Promise<string> {
  const folder = `${cacheFolder()}/${name}`;
  if (await exists(folder)) return folder;
  const parent = folder.slice(0, folder.lastIndexOf("/"));
  await Deno.mkdir(parent, { recursive: true });
  const building = await Deno.makeTempDir({ dir: parent, prefix: "building-" });
  try {
    await build(building);
    await Deno.rename(building, folder).catch(async (error) => {
      // Another process was faster: what it built is as good as ours.
      if (!await exists(folder)) throw error;
    });
  } finally {
    await Deno.remove(building, { recursive: true }).catch(() => {});
  }
  return folder;
}

/** Where the files of a model go, beside each other. */
export interface ModelFiles {
  /** The graph's. */
  readonly model: string;
  /** The weights'. */
  readonly weights: string;
}

/** Writes a model: `build` gives the graph and has its weights written to a file of their own. */
export async function writeModel(
  folder: string,
  files: ModelFiles,
  build: (sink: WeightSink) => Uint8Array,
): Promise<void> {
  const file = Deno.openSync(`${folder}/${files.weights}`, { write: true, createNew: true });
  try {
    const model = build(placedWeights(files.weights, (bytes, offset) => {
      file.seekSync(offset, Deno.SeekMode.Start);
      for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
    }));
    await Deno.writeFile(`${folder}/${files.model}`, model);
  } finally {
    file.close();
  }
}

/** Gives each piece of weights its place in a file, always the same one; `write` puts it there. */
export function placedWeights(location: string, write: (bytes: Uint8Array, offset: number) => void): WeightSink {
  let end = 0;
  return {
    location,
    write: (bytes) => {
      const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
      write(bytes, offset);
      end = offset + bytes.length;
      return { offset };
    },
  };
}

/** Whether there is a file or folder. */
export async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
