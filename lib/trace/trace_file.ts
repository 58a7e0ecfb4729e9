import { type ByteReader, readTrace, type TraceReading } from "./read_trace.ts";

/** An open trace file. */
export interface TraceFile extends Disposable {
  /** Header and steps. */
  readonly reading: TraceReading;
}

/**
 * Opens a trace file for reading step by step.
 *
 * @throws {SyntaxError} if the file is no trace of this version
 */
export function openTrace(path: string): TraceFile {
  const file = Deno.openSync(path);
  try {
    return { reading: readTrace(fileReader(file)), [Symbol.dispose]: () => file.close() };
  } catch (error) {
    file.close();
    throw error;
  }
}

function fileReader(file: Deno.FsFile): ByteReader {
  let left = file.statSync().size;
  return {
    get left(): number {
      return left;
    },
    read(length): Uint8Array {
      const bytes = new Uint8Array(length);
      for (let filled = 0; filled < length;) {
        const count = file.readSync(bytes.subarray(filled));
        if (count === null) {
          throw new SyntaxError(`Cannot read the trace as it is cut off: ${length - filled} bytes are missing`);
        }
        filled += count;
      }
      left -= length;
      return bytes;
    },
  };
}
