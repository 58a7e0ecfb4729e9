import { parseJsonObject } from "../../files/json_object.ts";
import { writeAll } from "../../files/write_atomic.ts";
import type { WeightPlace, WeightStore } from "./onnx_graph.ts";

/** Weights begin at multiples of a page, so that the runtime can map them. */
const ALIGNMENT = 4096;

/** The places of a file's weights, by their names. */
export type WeightIndex = ReadonlyMap<string, WeightPlace>;

/** A file of weights that is being written: each goes behind the one before, and a name that comes again keeps its place. */
export class WeightFile implements WeightStore, Disposable {
  /** The file's name. */
  readonly location: string;
  readonly #file: Deno.FsFile;
  readonly #places = new Map<string, WeightPlace>();
  #end = 0;

  /** Opens a new file in a folder. */
  constructor(folder: string, location: string) {
    this.location = location;
    this.#file = Deno.openSync(`${folder}/${location}`, { write: true, createNew: true });
  }

  /** Where the weights are that were written so far. */
  get index(): WeightIndex {
    return this.#places;
  }

  /** The place of a weight; it is written if it is new. */
  place(name: string, make: () => ArrayBufferView): WeightPlace {
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const { buffer, byteOffset, byteLength } = make();
    const offset = Math.ceil(this.#end / ALIGNMENT) * ALIGNMENT;
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    writeAll(this.#file, new Uint8Array(buffer, byteOffset, byteLength));
    this.#end = offset + byteLength;
    const place = { offset, length: byteLength };
    this.#places.set(name, place);
    return place;
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/**
 * The weights of a file that is there.
 *
 * @throws {RangeError} from `place`, if the file has no weight of that name
 */
export function storedWeights(location: string, index: WeightIndex): WeightStore {
  return {
    location,
    place: (name) => {
      const place = index.get(name);
      if (place !== undefined) return place;
      throw new RangeError(`Cannot place the weight ${name} as ${location} has none of that name: build it anew`);
    },
  };
}

/** Writes an index as JSON: `{ name: [offset, length] }`, bytes. */
export function encodeWeightIndex(index: WeightIndex): string {
  const lines = [...index].map(([name, { offset, length }]) => `  ${JSON.stringify(name)}: [${offset}, ${length}]`);
  return `{\n${lines.join(",\n")}\n}\n`;
}

/**
 * Reads what {@linkcode encodeWeightIndex} wrote.
 *
 * @param label the file, for messages
 * @throws {SyntaxError} if it is no such JSON
 */
export function decodeWeightIndex(bytes: Uint8Array, label: string): WeightIndex {
  return new Map(
    Object.entries(parseJsonObject(bytes, label)).map(([name, place]) => {
      const [offset, length] = Array.isArray(place) ? place : [];
      if (Number.isSafeInteger(offset) && Number.isSafeInteger(length)) return [name, { offset, length }];
      throw new SyntaxError(`Cannot read ${label} as ${name} must have an offset and a length, whole numbers`);
    }),
  );
}
