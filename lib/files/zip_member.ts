const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const LOCAL_HEADER = 0x04034b50;
const END_BYTES = 22;
const ENTRY_BYTES = 46;
const HEADER_BYTES = 30;
/** The end of the directory has a comment of at most 65,535 bytes behind it. */
const MAX_COMMENT_BYTES = 65_535;
/** A directory of names is small; more is damage or an attack. */
const MAX_DIRECTORY_BYTES = 16 << 20;
/** Bytes of the archive that are unpacked at once: they give at most 1,032 times as many. */
const CHUNK_BYTES = 1 << 14;
const STORED = 0;
const DEFLATED = 8;

/**
 * Unpacks one member of a zip archive, a piece at a time.
 *
 * @param limit bytes that the member may have at most
 * @throws {SyntaxError} if the archive is damaged, or has no such member, or one above the limit
 */
export async function* zipMember(
  archive: Deno.FsFile,
  member: string,
  limit: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const damaged = (what: string) => new SyntaxError(`Cannot unpack ${member} as the archive is damaged: ${what}`);
  const { start, method, packed, size } = findMember(archive, member, damaged);
  if (size > limit) throw new SyntaxError(`Cannot unpack ${member} as it has ${size} bytes: at most ${limit}`);
  if (method !== STORED && method !== DEFLATED) throw damaged(`its compression ${method} is unknown`);
  const bytes = ReadableStream.from(readRange(archive, start, packed, damaged));
  const unpacked = method === STORED ? bytes : bytes.pipeThrough(new DecompressionStream("deflate-raw"));
  let received = 0;
  try {
    for await (const piece of unpacked) {
      received += piece.length;
      if (received > size) break;
      yield piece;
    }
  } catch (error) {
    if (error instanceof TypeError) throw damaged("it does not unpack");
    throw error;
  }
  if (received !== size) throw damaged(`it does not unpack to its ${size} bytes`);
}

/** Where a member's bytes are, how they are packed, and how many there are. */
interface Place {
  readonly start: number;
  readonly method: number;
  readonly packed: number;
  readonly size: number;
}

function findMember(archive: Deno.FsFile, member: string, damaged: (what: string) => Error): Place {
  const { size: length } = archive.statSync();
  const tailStart = Math.max(0, length - END_BYTES - MAX_COMMENT_BYTES);
  const tail = readAt(archive, tailStart, length - tailStart, damaged);
  let end = tail.byteLength - END_BYTES;
  while (end >= 0 && tail.getUint32(end, true) !== END_OF_DIRECTORY) end--;
  if (end < 0) throw damaged("it has no directory");
  const directoryBytes = tail.getUint32(end + 12, true);
  if (directoryBytes > MAX_DIRECTORY_BYTES) throw damaged(`its directory has ${directoryBytes} bytes`);
  const directory = readAt(archive, tail.getUint32(end + 16, true), directoryBytes, damaged);
  for (let entry = 0; entry + ENTRY_BYTES <= directoryBytes;) {
    if (directory.getUint32(entry, true) !== DIRECTORY_ENTRY) throw damaged("its directory has something else in it");
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((at) => directory.getUint16(entry + at, true));
    if (entry + ENTRY_BYTES + nameBytes > directoryBytes) throw damaged("its directory is cut off");
    const name = new Uint8Array(directory.buffer, directory.byteOffset + entry + ENTRY_BYTES, nameBytes);
    if (new TextDecoder().decode(name) === member) {
      const at = directory.getUint32(entry + 42, true);
      const header = readAt(archive, at, HEADER_BYTES, damaged);
      if (header.getUint32(0, true) !== LOCAL_HEADER) throw damaged("the member is not where it should be");
      return {
        start: at + HEADER_BYTES + header.getUint16(26, true) + header.getUint16(28, true),
        method: directory.getUint16(entry + 10, true),
        packed: directory.getUint32(entry + 20, true),
        size: directory.getUint32(entry + 24, true),
      };
    }
    entry += ENTRY_BYTES + nameBytes + extraBytes + commentBytes;
  }
  throw new SyntaxError(`Cannot unpack ${member} as the archive has no such member`);
}

function* readRange(
  archive: Deno.FsFile,
  start: number,
  length: number,
  damaged: (what: string) => Error,
): Generator<Uint8Array<ArrayBuffer>> {
  for (let done = 0; done < length; done += CHUNK_BYTES) {
    const piece = readAt(archive, start + done, Math.min(CHUNK_BYTES, length - done), damaged);
    yield new Uint8Array(piece.buffer);
  }
}

function readAt(
  archive: Deno.FsFile,
  offset: number,
  length: number,
  damaged: (what: string) => Error,
): DataView<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  archive.seekSync(offset, Deno.SeekMode.Start);
  for (let read = 0; read < length;) {
    const count = archive.readSync(bytes.subarray(read));
    if (count === null) throw damaged("it is cut off");
    read += count;
  }
  return new DataView(bytes.buffer);
}
