import { parseJson } from "../files/json_object.ts";
import { decodeText } from "../files/text_file.ts";
import {
  checkHeader,
  RECORD,
  stepSize,
  TRACE_MAGIC,
  TRACE_VERSION,
  type TraceFooter,
  type TraceHeader,
  type TraceStep,
} from "./trace_header.ts";
import { quoted } from "../files/quoted.ts";

/** A header is text and small; more than this is a damaged length. */
const MAX_JSON_BYTES = 64 * 2 ** 20;

/** Gives the next `length` bytes; fewer only where the file ends. */
export interface ByteReader {
  /** The next `length` bytes. */
  read(length: number): Uint8Array;
  /** Bytes that are left. */
  readonly left: number;
}

/** What {@linkcode readTrace} hands over: the header, then steps one at a time, then the footer. */
export interface TraceReading {
  /** What the trace says of its model and prompt. */
  readonly header: TraceHeader;
  /** Reads on; holds one step at a time. */
  steps(): Generator<TraceStep, TraceFooter, undefined>;
}

/**
 * Reads a trace step by step, so that a long one never has to fit in memory.
 *
 * @throws {SyntaxError} if the bytes are no trace, of another version, or cut off
 */
export function readTrace(reader: ByteReader): TraceReading {
  const start = take(reader, 16);
  if (new TextDecoder().decode(start.subarray(0, 8)) !== TRACE_MAGIC) {
    throw new SyntaxError("Cannot read the trace as it does not begin like one: make it with deno task trace");
  }
  const version = uint32(start, 8);
  if (version !== TRACE_VERSION) {
    throw new SyntaxError(
      `Cannot read the trace as it has version ${version}: this program reads version ${TRACE_VERSION}, make it anew`,
    );
  }
  const header = checkHeader(json(reader, uint32(start, 12)));
  const bytes = stepSize(header) * 4;
  if (bytes > reader.left) {
    throw new SyntaxError(`Cannot read the trace as it is cut off: a step has ${bytes} bytes, ${reader.left} follow`);
  }
  return { header, steps: () => readSteps(reader, header) };
}

function* readSteps(reader: ByteReader, header: TraceHeader): Generator<TraceStep, TraceFooter, undefined> {
  const size = stepSize(header);
  for (let count = 0;; count++) {
    const kind = uint32(take(reader, 4), 0);
    if (kind === RECORD.step) {
      const bytes = take(reader, size * 4);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const step = Float32Array.from({ length: size }, (_, index) => view.getFloat32(index * 4, true));
      if (!step.every((share) => share >= 0 && share < Infinity)) {
        throw new SyntaxError(`Cannot read the trace as step ${count} holds what is no share of attention`);
      }
      yield step;
      continue;
    }
    if (kind !== RECORD.footer) throw new SyntaxError(`Cannot read the trace as step ${count} begins with ${kind}`);
    const footer = json(reader, uint32(take(reader, 4), 0)) as TraceFooter;
    if (footer?.generated_token_count !== count) {
      throw new SyntaxError(
        `Cannot read the trace as it ends after ${count} steps of ${quoted(footer?.generated_token_count)}`,
      );
    }
    if (reader.left > 0) throw new SyntaxError(`Cannot read the trace as ${reader.left} bytes follow its end`);
    return footer;
  }
}

function take(reader: ByteReader, length: number): Uint8Array {
  if (length > reader.left) {
    throw new SyntaxError(`Cannot read the trace as it is cut off: ${length} bytes should follow, ${reader.left} do`);
  }
  return reader.read(length);
}

function json(reader: ByteReader, length: number): unknown {
  if (length > MAX_JSON_BYTES) {
    throw new SyntaxError(`Cannot read the trace as its header would take ${length} bytes: at most ${MAX_JSON_BYTES}`);
  }
  const text = decodeText(take(reader, length), "the trace's header");
  return parseJson(text, "the trace's header");
}

function uint32(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset, true);
}

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
