import { writeAll } from "../../files/write_atomic.ts";
import type { WeightSink } from "./onnx_graph.ts";

/** Weights begin at multiples of a page, so that the runtime can map them. */
const ALIGNMENT = 4096;

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
      writeAll(file, bytes);
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
