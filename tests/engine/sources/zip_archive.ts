import { deflateRawSync } from "node:zlib";

/** What may be set apart from what it should be, to damage an archive. */
export interface ZipDamage {
  readonly method?: number;
  readonly packed?: Uint8Array;
  /** The size that the directory claims for each member. */
  readonly size?: number;
  /** Bytes of comment behind the directory. */
  readonly comment?: number;
}

/** A zip archive, byte by byte: deflated members in order, then the directory, then its end. */
export function zipArchive(
  members: Readonly<Record<string, Uint8Array>>,
  damage: ZipDamage = {},
): Uint8Array<ArrayBuffer> {
  const { method = 8, comment = 0 } = damage;
  const pieces: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(members)) {
    const encoded = new TextEncoder().encode(name);
    const packed = damage.packed ?? (method === 0 ? content : deflateRawSync(content));
    const size = damage.size ?? content.length;
    const facts = (view: DataView, at: number) => {
      view.setUint16(at, method, true);
      view.setUint32(at + 6, crc32(content), true);
      view.setUint32(at + 10, packed.length, true);
      view.setUint32(at + 14, size, true);
      view.setUint16(at + 18, encoded.length, true);
    };
    const local = new DataView(new ArrayBuffer(30));
    local.setUint32(0, 0x04034b50, true);
    facts(local, 8);
    const entry = new DataView(new ArrayBuffer(46));
    entry.setUint32(0, 0x02014b50, true);
    facts(entry, 10);
    entry.setUint32(42, offset, true);
    pieces.push(new Uint8Array(local.buffer), encoded, packed);
    directory.push(new Uint8Array(entry.buffer), encoded);
    offset += 30 + encoded.length + packed.length;
  }
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, directory.length / 2, true);
  end.setUint16(10, directory.length / 2, true);
  end.setUint32(12, directory.reduce((sum, piece) => sum + piece.length, 0), true);
  end.setUint32(16, offset, true);
  end.setUint16(20, comment, true);
  return concatenate([...pieces, ...directory, new Uint8Array(end.buffer), new Uint8Array(comment)]);
}

function concatenate(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** The checksum that zip archives carry (polynomial 0xEDB88320, reflected). */
function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
