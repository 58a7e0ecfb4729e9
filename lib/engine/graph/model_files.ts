import { parseJsonObject } from "../../files/json_object.ts";
import { type ByteSink, writeAll } from "../../files/write_atomic.ts";
import type { WeightOrigin, WeightPlace, WeightStore } from "./onnx_graph.ts";

/** Weights begin at multiples of a page, so that the runtime can map them. */
const ALIGNMENT = 4096;

/** The places of a file's weights, by their names. */
export type WeightIndex = ReadonlyMap<string, WeightPlace>;

/** A weight of a plan: where it goes, and what it comes from. */
interface PlannedWeight extends WeightPlace, Pick<WeightOrigin, "part" | "rows"> {
}

/** Bytes of a file of weights, and where they go. */
export interface PlacedBytes {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/**
 * A file of weights before it is written: each has a place behind the one before, and a name that comes again keeps its
 * place. Nothing is read until {@linkcode WeightPlan.content}.
 */
export class WeightPlan implements WeightStore {
  /** The file's name. */
  readonly location: string;
  readonly #places = new Map<string, WeightPlace>();
  readonly #origins = new Map<WeightOrigin["pieces"], PlannedWeight[]>();
  #end = 0;

  constructor(location: string) {
    this.location = location;
  }

  /** Where the weights are. */
  get index(): WeightIndex {
    return this.#places;
  }

  /** Bytes of the file. */
  get length(): number {
    return this.#end;
  }

  /** The place of a weight, behind the others if it is new. */
  place(name: string, length: number, { pieces, part, rows }: WeightOrigin): WeightPlace {
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const place = { offset: Math.ceil(this.#end / ALIGNMENT) * ALIGNMENT, length };
    this.#end = place.offset + length;
    this.#places.set(name, place);
    const planned = { ...place, part, rows };
    const together = this.#origins.get(pieces);
    if (together === undefined) this.#origins.set(pieces, [planned]);
    else together.push(planned);
    return place;
  }

  /**
   * Reads and makes the weights: bytes in the order in which they are made, not that of the file. Those that are in no
   * weight are 0.
   */
  *content(): Generator<PlacedBytes, void, undefined> {
    for (const [pieces, weights] of this.#origins) {
      const filled = weights.map(() => 0);
      for (const piece of pieces()) {
        for (const [index, weight] of weights.entries()) {
          const numbers = piece[weight.part];
          if (numbers === undefined) continue;
          yield* placed(weight, filled[index], new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
          filled[index] += numbers.byteLength;
        }
      }
      weights.forEach(({ length, part }, index) => {
        if (filled[index] === length) return;
        throw new Error(`Cannot fill the ${length} bytes of ${part} as there are ${filled[index]}`);
      });
    }
  }
}

/** The places of a piece that goes behind `filled` bytes of a weight. */
function* placed({ offset, length, rows }: PlannedWeight, filled: number, bytes: Uint8Array): Generator<PlacedBytes> {
  // Columns that are all of the matrix are its rows one after the other.
  if (bytes.length === length) return yield { offset, bytes };
  const [stride, run] = [length / rows, bytes.length / rows];
  for (let row = 0; row < rows; row++) {
    yield { offset: offset + row * stride + filled / rows, bytes: bytes.subarray(row * run, (row + 1) * run) };
  }
}

/** How far a file of weights is written. */
export interface BuildProgress {
  /** Bytes written so far. */
  readonly written: number;
  /** Bytes in all. */
  readonly total: number;
}

/** Options of {@linkcode writeWeights}. */
export interface WriteOptions {
  /** Called as bytes are written. */
  readonly onProgress?: (progress: BuildProgress) => void;
  /** Ends the writing. */
  readonly signal?: AbortSignal;
}

/** After so many ms of work others have their turn: a signal arrives, progress is shown. */
const TURN_MS = 50;

/** What weights are written to. */
export type WeightSink = ByteSink & Pick<Deno.FsFile, "seekSync" | "truncateSync">;

/**
 * Writes weights to an empty file.
 *
 * @throws the signal's reason once it is aborted
 * @throws {RangeError} if the disk is full
 */
export async function writeWeights(
  file: WeightSink,
  plan: WeightPlan,
  { onProgress, signal }: WriteOptions = {},
): Promise<void> {
  file.truncateSync(plan.length);
  const progress = { written: 0, total: [...plan.index.values()].reduce((sum, { length }) => sum + length, 0) };
  let turn = performance.now();
  for (const { offset, bytes } of plan.content()) {
    file.seekSync(offset, Deno.SeekMode.Start);
    try {
      writeAll(file, bytes);
    } catch (error) {
      if ((error as { code?: unknown }).code !== "ENOSPC") throw error;
      const [written, total] = [progress.written, progress.total].map((size) => `${(size / 1e6).toFixed(1)} MB`);
      throw new RangeError(
        `Cannot build the weights as the disk is full after ${written} of ${total}: free room on it, or set ` +
          "KVMIRROR_CACHE to a folder that has it",
        { cause: error },
      );
    }
    progress.written += bytes.length;
    if (performance.now() - turn < TURN_MS) continue;
    onProgress?.(progress);
    await new Promise((resolve) => setTimeout(resolve, 0));
    signal?.throwIfAborted();
    turn = performance.now();
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
      const counts = [offset, length].every((count) => Number.isSafeInteger(count) && count >= 0);
      if (counts) return [name, { offset, length }];
      throw new SyntaxError(`Cannot read ${label} as ${name} must have an offset and a length, whole numbers`);
    }),
  );
}
