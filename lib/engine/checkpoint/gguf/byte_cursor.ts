import type { ByteSource } from "../../../files/byte_source.ts";

/** Bytes fetched from the source at once. */
const WINDOW_BYTES = 1 << 20;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads little-endian values one after another. Running past the end is a SyntaxError that says where. */
export class ByteCursor {
  readonly #source: ByteSource;
  #window: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  /** Offset of the window in the source, and of the next byte in the window. */
  #start = 0;
  #at = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#start + this.#at;
  }

  /** Bytes left. */
  get remaining(): number {
    return this.#source.size - this.position;
  }

  uint8(): number {
    const at = this.#take(1);
    return this.#window[at];
  }

  int8(): number {
    const at = this.#take(1);
    return this.#view.getInt8(at);
  }

  uint16(): number {
    const at = this.#take(2);
    return this.#view.getUint16(at, true);
  }

  int16(): number {
    const at = this.#take(2);
    return this.#view.getInt16(at, true);
  }

  uint32(): number {
    const at = this.#take(4);
    return this.#view.getUint32(at, true);
  }

  int32(): number {
    const at = this.#take(4);
    return this.#view.getInt32(at, true);
  }

  uint64(): bigint {
    const at = this.#take(8);
    return this.#view.getBigUint64(at, true);
  }

  int64(): bigint {
    const at = this.#take(8);
    return this.#view.getBigInt64(at, true);
  }

  float32(): number {
    const at = this.#take(4);
    return this.#view.getFloat32(at, true);
  }

  float64(): number {
    const at = this.#take(8);
    return this.#view.getFloat64(at, true);
  }

  /** A 64-bit count of `what`; a SyntaxError if it is more than `limit`. */
  count(what: string, limit: number): number {
    const count = this.uint64();
    if (count > BigInt(limit)) {
      throw new SyntaxError(`Cannot read ${what} as the file claims ${count} of them: the limit is ${limit}`);
    }
    return Number(count);
  }

  /** UTF-8 text after its 64-bit length in bytes, of which there may be `limit`. */
  text(what: string, limit: number): string {
    const length = this.count(`bytes of ${what}`, limit);
    const at = this.#take(length);
    try {
      return utf8.decode(this.#window.subarray(at, at + length));
    } catch {
      throw new SyntaxError(`Cannot read ${what} at byte ${this.position - length} as it is not UTF-8`);
    }
  }

  /** Throws a SyntaxError unless there are `length` more bytes for `what`. */
  expect(length: number, what: string): void {
    if (length <= this.remaining) return;
    throw new SyntaxError(
      `Cannot read ${what} at byte ${this.position} as it takes ${length} bytes and ${this.remaining} are left: ` +
        "the file is cut short or damaged",
    );
  }

  /** Moves past `length` bytes and gives their offset in the window, which it may replace: call it before reading. */
  #take(length: number): number {
    if (this.#at + length > this.#window.length) this.#fill(length);
    const at = this.#at;
    this.#at += length;
    return at;
  }

  #fill(length: number): void {
    this.expect(length, `${length} bytes`);
    this.#start += this.#at;
    this.#at = 0;
    const window = this.#source.read(this.#start, Math.min(Math.max(length, WINDOW_BYTES), this.remaining));
    this.#window = window;
    this.#view = new DataView(window.buffer, window.byteOffset, window.length);
  }
}
