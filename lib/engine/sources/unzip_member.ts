import { inflateRawSync } from "node:zlib";

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const LOCAL_HEADER = 0x04034b50;
/** The end of the directory has a comment of at most 65,535 bytes behind it. */
const MAX_COMMENT_BYTES = 65_535;
const STORED = 0;
const DEFLATED = 8;

/**
 * Unpacks one member of a zip archive.
 *
 * @param limit bytes that the member may have at most
 * @throws {SyntaxError} if the archive is damaged, or has no such member, or one above the limit
 */
export function unzipMember(archive: Uint8Array, member: string, limit: number): Uint8Array {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  const damaged = (what: string) => new SyntaxError(`Cannot unpack ${member} as the archive is damaged: ${what}`);
  const at = (offset: number, length: number) => {
    if (offset + length > archive.length) throw damaged("it is cut off");
    return offset;
  };
  let end = archive.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== END_OF_DIRECTORY) {
    if (--end < archive.length - 22 - MAX_COMMENT_BYTES) break;
  }
  if (end < 0 || view.getUint32(end, true) !== END_OF_DIRECTORY) throw damaged("it has no directory");
  let entry = view.getUint32(end + 16, true);
  for (let count = view.getUint16(end + 10, true); count > 0; count--) {
    if (view.getUint32(at(entry, 46), true) !== DIRECTORY_ENTRY) {
      throw damaged("its directory has no entry where it should");
    }
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) => view.getUint16(entry + offset, true));
    const name = new TextDecoder().decode(archive.subarray(entry + 46, at(entry + 46, nameLength) + nameLength));
    if (name === member) {
      const method = view.getUint16(entry + 10, true);
      const [packed, size] = [20, 24].map((offset) => view.getUint32(entry + offset, true));
      if (size > limit) throw new SyntaxError(`Cannot unpack ${member} as it has ${size} bytes: at most ${limit}`);
      const header = at(view.getUint32(entry + 42, true), 30);
      if (view.getUint32(header, true) !== LOCAL_HEADER) throw damaged("the member is not where it should be");
      const start = header + 30 + view.getUint16(header + 26, true) + view.getUint16(header + 28, true);
      const bytes = archive.subarray(start, at(start, packed) + packed);
      return unpack(bytes, method, size, damaged);
    }
    entry += 46 + nameLength + extraLength + commentLength;
  }
  throw new SyntaxError(`Cannot unpack ${member} as the archive has no such member`);
}

function unpack(bytes: Uint8Array, method: number, size: number, damaged: (what: string) => Error): Uint8Array {
  if (method !== STORED && method !== DEFLATED) throw damaged(`its compression ${method} is unknown`);
  let unpacked: Uint8Array;
  try {
    unpacked = method === STORED ? bytes : inflateRawSync(bytes, { maxOutputLength: Math.max(1, size) });
  } catch {
    throw damaged("it does not unpack");
  }
  if (unpacked.length !== size) throw damaged(`it unpacks to ${unpacked.length} bytes of ${size}`);
  return unpacked;
}
