/** Puts a file together byte by byte, little-endian. */
export class ByteWriter {
  readonly #bytes: number[] = [];

  get length(): number {
    return this.#bytes.length;
  }

  raw(...bytes: readonly number[]): this {
    for (const byte of bytes) this.#bytes.push(byte);
    return this;
  }

  ascii(text: string): this {
    return this.raw(...new TextEncoder().encode(text));
  }

  uint32(value: number): this {
    return this.raw(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, (value >>> 24) & 255);
  }

  uint64(value: number | bigint): this {
    const wide = BigInt.asUintN(64, BigInt(value));
    return this.uint32(Number(wide & 0xffffffffn)).uint32(Number(wide >> 32n));
  }

  float32(value: number): this {
    return this.raw(...new Uint8Array(Float32Array.of(value).buffer));
  }

  /** Zeros up to a multiple of `alignment`. */
  pad(alignment: number): this {
    while (this.length % alignment !== 0) this.raw(0);
    return this;
  }

  /** The bytes so far. */
  done(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}
