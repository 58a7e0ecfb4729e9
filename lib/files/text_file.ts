import { Buffer } from "node:buffer";
import { explained } from "./system_error.ts";

/** The most bytes of a text that is read whole: 256 MiB, some 60 million tokens. What has no end, like a device, ends here. */
const MAX_TEXT_BYTES = 2 ** 28;

const CHUNK_BYTES = 1 << 20;

/**
 * Reads a text file in UTF-8, without the byte order mark that may stand before it.
 *
 * @param path the file, or a pipe
 * @throws {SyntaxError} if it is no UTF-8
 * @throws {RangeError} if it has more bytes than the limit
 * @throws {Error} if it cannot be read, in words
 */
export function readText(path: string, limit: number = MAX_TEXT_BYTES): string {
  return explained({ action: "read", path }, () => {
    using file = Deno.openSync(path);
    return readTextOf(file, path, limit);
  });
}

/** Where bytes come from, until there are none. */
export interface ByteReader {
  /** Fills some of the bytes and returns how many; null at the end. */
  readSync(bytes: Uint8Array): number | null;
}

/**
 * Like {@linkcode readText}, of an open file or of standard input.
 *
 * @param label what is read, for errors
 */
export function readTextOf(reader: ByteReader, label: string, limit: number = MAX_TEXT_BYTES): string {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (let chunk = new Uint8Array(CHUNK_BYTES);; chunk = new Uint8Array(CHUNK_BYTES)) {
    const count = reader.readSync(chunk);
    if (count === null) break;
    length += count;
    if (length > limit) {
      throw new RangeError(`Cannot read ${label} as it has more than ${limit} bytes: give a shorter text`);
    }
    chunks.push(chunk.subarray(0, count));
  }
  return decodeText(Buffer.concat(chunks), label);
}

/**
 * Decodes UTF-8, without the byte order mark that may stand before it.
 *
 * @param label what is decoded, for errors
 * @throws {SyntaxError} if it is no UTF-8; the message names the line
 */
export function decodeText(bytes: Uint8Array, label: string): string {
  try {
    return utf8().decode(bytes);
  } catch (error) {
    throw new SyntaxError(
      `Cannot read ${label} as line ${wrongLine(bytes)} is no UTF-8: save it in UTF-8`,
      { cause: error },
    );
  }
}

function utf8(): TextDecoder {
  return new TextDecoder("utf-8", { fatal: true });
}

/** The first line that is no UTF-8, from 1: no character's bytes hold a line's end. */
function wrongLine(bytes: Uint8Array): number {
  for (let line = 1, start = 0; start <= bytes.length; line++) {
    const found = bytes.indexOf(0x0a, start);
    const end = found < 0 ? bytes.length : found;
    try {
      utf8().decode(bytes.subarray(start, end));
    } catch {
      return line;
    }
    start = end + 1;
  }
  return 1;
}
