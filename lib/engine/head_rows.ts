import type { ObservedNeed } from "./observed_need.ts";
import { allocateNumbers, resizeNumbers } from "./row_buffer.ts";

/**
 * The cached rows of one kv head in one layer, in buffers of their own. Several caches may share them; a cache that is
 * about to change rows that others hold takes a copy first.
 */
export class HeadRows {
  readonly headDim: number;
  /** Rotated keys, `[capacity, head_dim]`; the first `length` rows are live. */
  keys: Float32Array<ArrayBuffer>;
  values: Float32Array<ArrayBuffer>;
  /** Position in the text, `[capacity]`. */
  positions: Int32Array<ArrayBuffer>;
  /** Recorded attention, one array a tap: `[capacity]` each. */
  taps: Float32Array<ArrayBuffer>[];
  /** Signals observed of all rows, `[length]` each; gone once rows are appended. Never changed in place. */
  observed: ReadonlyMap<ObservedNeed, Float32Array> = new Map();
  length = 0;
  #holders = 1;

  constructor(headDim: number, tapCount: number, capacity = 0) {
    this.headDim = headDim;
    this.keys = allocateNumbers(capacity * headDim);
    this.values = allocateNumbers(capacity * headDim);
    this.positions = new Int32Array(capacity);
    this.taps = Array.from({ length: tapCount }, () => new Float32Array(capacity));
  }

  /** Rows that the buffers have room for. */
  get capacity(): number {
    return this.positions.length;
  }

  /** Bytes of the key and value buffers. */
  get allocatedBytes(): number {
    return this.keys.byteLength + this.values.byteLength;
  }

  /** Live keys, `[length, head_dim]`, as a view. */
  liveKeys(): Float32Array<ArrayBuffer> {
    return this.keys.subarray(0, this.length * this.headDim);
  }

  /** Live values, `[length, head_dim]`, as a view. */
  liveValues(): Float32Array<ArrayBuffer> {
    return this.values.subarray(0, this.length * this.headDim);
  }

  /** Notes one more holder. */
  share(): HeadRows {
    this.#holders++;
    return this;
  }

  /** Notes one holder less; the last one frees the buffers at once rather than when the collector comes by. */
  release(): void {
    if (--this.#holders === 0) this.#free();
  }

  /** These rows if nobody else holds them, else a copy, with room for `capacity` rows; if it is made, for `spare` more. */
  own(capacity = this.length, spare = 0): HeadRows {
    if (this.#holders === 1) {
      if (capacity > this.capacity) this.#resize(capacity + spare);
      return this;
    }
    this.#holders--;
    const copy = new HeadRows(this.headDim, this.taps.length, Math.max(capacity + spare, this.length));
    copy.#copyRows(this, undefined);
    return copy;
  }

  /** The live rows and the `count` after them, which may be written: the buffers must have room for them. */
  room(count: number): { keys: Float32Array<ArrayBuffer>; values: Float32Array<ArrayBuffer> } {
    const size = (this.length + count) * this.headDim;
    return { keys: this.keys.subarray(0, size), values: this.values.subarray(0, size) };
  }

  /** Makes `count` rows after the live ones live, of tokens from `firstPosition` on. */
  takeIn(count: number, firstPosition: number): void {
    for (let row = 0; row < count; row++) this.positions[this.length + row] = firstPosition + row;
    this.length += count;
    this.observed = new Map();
  }

  /** The same rows less those not named, in buffers of just their size; held by nobody else. `rows` ascend. */
  keep(rows: Uint32Array): HeadRows {
    if (this.#holders > 1) {
      this.#holders--;
      const kept = new HeadRows(this.headDim, this.taps.length, rows.length);
      kept.#copyRows(this, rows);
      return kept;
    }
    this.#copyRows(this, rows);
    this.#resize(rows.length);
    return this;
  }

  /** Takes rows over, run by run; from itself too, as ascending rows only ever move down. */
  #copyRows(from: HeadRows, rows: Uint32Array | undefined): void {
    const count = rows?.length ?? from.length;
    this.observed = rows === undefined ? from.observed : pick(from.observed, rows);
    for (let to = 0; to < count;) {
      const first = rows?.[to] ?? to;
      let length = rows === undefined ? count : 1;
      while (rows !== undefined && rows[to + length] === first + length) length++;
      this.#copyRun(from, first, to, length);
      to += length;
    }
    this.length = count;
  }

  #copyRun(from: HeadRows, first: number, to: number, length: number): void {
    const width = this.headDim;
    copyRange(from.keys, this.keys, first * width, to * width, length * width);
    copyRange(from.values, this.values, first * width, to * width, length * width);
    copyRange(from.positions, this.positions, first, to, length);
    this.taps.forEach((tap, index) => copyRange(from.taps[index], tap, first, to, length));
  }

  #resize(capacity: number): void {
    this.keys = resizeNumbers(this.keys, capacity * this.headDim);
    this.values = resizeNumbers(this.values, capacity * this.headDim);
    this.positions = new Int32Array(this.positions.buffer.transfer(capacity * Int32Array.BYTES_PER_ELEMENT));
    this.taps = this.taps.map((tap) =>
      new Float32Array(tap.buffer.transfer(capacity * Float32Array.BYTES_PER_ELEMENT))
    );
  }

  #free(): void {
    this.observed = new Map();
    this.length = 0;
    this.#resize(0);
  }
}

function pick(observed: HeadRows["observed"], rows: Uint32Array): HeadRows["observed"] {
  const entries = [...observed].map(([need, values]) => [need, Float32Array.from(rows, (row) => values[row])] as const);
  return new Map(entries);
}

function copyRange<T extends Float32Array | Int32Array>(
  from: T,
  into: T,
  first: number,
  to: number,
  length: number,
): void {
  if (from === into && first === to) return;
  if (from === into) into.copyWithin(to, first, first + length);
  else into.set(from.subarray(first, first + length), to);
}
