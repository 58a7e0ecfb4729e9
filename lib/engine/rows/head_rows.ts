import type { ObservedNeed } from "../signals/signals.ts";
import type { RowFormat } from "./cache_dtype.ts";
import {
  groupCount,
  joinPacked,
  packedBytes,
  type PackedVectors,
  packVectors,
  pickPacked,
  unpackVectors,
} from "./quantized_vectors.ts";
import { allocateNumbers, resizeNumbers } from "./row_buffer.ts";
import { floatRowBytes } from "./row_bytes.ts";

/** Rows of one kv head as they lie in its buffers. */
export interface RowViews {
  /** Rotated keys, `[rows, head_dim]`. */
  readonly keys: Float32Array;
  /** Values, `[rows, head_dim]`. */
  readonly values: Float32Array;
}

/** What a run takes of one kv head: loose rows with room for S more, `[P + S, head_dim]` each, and older ones, packed. */
export interface RunRows extends RowViews {
  /** Rows in fewer bits; undefined where the decoder takes none. */
  readonly packed?: PackedRows;
}

/** The rows of one kv head. */
export interface ProbedRows {
  /** `[rows, head_dim]`, rotated. */
  readonly keys: Float32Array;
  /** `[rows, head_dim]`. */
  readonly values: Float32Array;
  /** Position in the text of each row, ascending: `[rows]`. */
  readonly positions: Int32Array;
  /** Position that each key is rotated to: `[rows]`. */
  readonly rotaryPositions: Int32Array;
}

/** Rows taken back are mostly read again at once, in other words: room for so many stays. */
const SPARE_ROWS = 128;

/** The oldest rows of a head, in fewer bits. */
export interface PackedRows {
  /** After rotation. */
  readonly keys: PackedVectors;
  /** As many as keys. */
  readonly values: PackedVectors;
}

/**
 * The cached rows of one kv head in one layer, in buffers of their own. Several caches may share them; a cache that is
 * about to change rows that others hold takes a copy first. The oldest rows may be packed; the others are loose, float32.
 */
export class HeadRows {
  readonly headDim: number;
  /** The oldest rows, where they are held in fewer bits. Never changed in place. */
  packed?: PackedRows;
  /** Rotated keys of loose rows, `[capacity − packed, head_dim]`; the first {@linkcode looseCount} are live. */
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

  constructor(headDim: number, tapCount: number, capacity = 0, packedCount = 0) {
    this.headDim = headDim;
    this.keys = allocateNumbers((capacity - packedCount) * headDim);
    this.values = allocateNumbers((capacity - packedCount) * headDim);
    this.positions = new Int32Array(capacity);
    this.taps = Array.from({ length: tapCount }, () => new Float32Array(capacity));
  }

  /** Rows that the buffers have room for. */
  get capacity(): number {
    return this.positions.length;
  }

  /** Rows that are packed. */
  get packedCount(): number {
    return this.packed?.keys.count ?? 0;
  }

  /** Rows that are float32. */
  get looseCount(): number {
    return this.length - this.packedCount;
  }

  /** Groups of rows whose channels share scales, those of keys and of values. */
  get packedGroups(): number {
    return groupCount(this.packed?.keys) + groupCount(this.packed?.values);
  }

  /** Bytes of packed rows, scales and all. */
  get packedBytes(): number {
    return this.packed === undefined ? 0 : packedBytes(this.packed.keys) + packedBytes(this.packed.values);
  }

  /** Bytes of live rows, scales and all. */
  get liveBytes(): number {
    return this.looseCount * floatRowBytes(this.headDim) + this.packedBytes;
  }

  /** Bytes of the key and value buffers. */
  get allocatedBytes(): number {
    return this.keys.byteLength + this.values.byteLength + this.packedBytes;
  }

  /** Positions of live rows, `[length]`: a view. */
  livePositions(): Int32Array<ArrayBuffer> {
    return this.positions.subarray(0, this.length);
  }

  /** Live keys, `[length, head_dim]`: a view where no row is packed, else a copy of what they stand for. */
  liveKeys(): Float32Array<ArrayBuffer> {
    return live(this.keys.subarray(0, this.looseCount * this.headDim), this.packed?.keys);
  }

  /** Live values, `[length, head_dim]`, as {@linkcode liveKeys}. */
  liveValues(): Float32Array<ArrayBuffer> {
    return live(this.values.subarray(0, this.looseCount * this.headDim), this.packed?.values);
  }

  /** Packs the oldest `count` loose rows. These rows are held by nobody else. */
  pack(count: number, format: RowFormat): void {
    if (count === 0) return;
    const size = count * this.headDim;
    const [keys, values] = [this.keys.slice(0, size), this.values.slice(0, size)];
    const packed = {
      keys: packVectors(keys, format.keys, this.headDim),
      values: packVectors(values, format.values, this.headDim),
    };
    this.keys.copyWithin(0, size, this.looseCount * this.headDim);
    this.values.copyWithin(0, size, this.looseCount * this.headDim);
    this.packed = this.packed === undefined ? packed : {
      keys: joinPacked(this.packed.keys, packed.keys),
      values: joinPacked(this.packed.values, packed.values),
    };
    this.#resize(this.capacity);
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
    const room = Math.max(capacity + spare, this.length);
    const copy = new HeadRows(this.headDim, this.taps.length, room, this.packedCount);
    copy.#copyRows(this, undefined);
    return copy;
  }

  /** The loose rows and the `count` after them, which may be written: the buffers must have room for them. */
  room(count: number): { keys: Float32Array<ArrayBuffer>; values: Float32Array<ArrayBuffer> } {
    const size = (this.looseCount + count) * this.headDim;
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
      const packedCount = countBelow(rows, this.packedCount);
      const kept = new HeadRows(this.headDim, this.taps.length, rows.length, packedCount);
      kept.#copyRows(this, rows);
      return kept;
    }
    this.#copyRows(this, rows);
    this.#resize(rows.length);
    return this;
  }

  /** The first `count` rows, held by nobody else; what was observed of more is gone. */
  upTo(count: number): HeadRows {
    const alone = this.#holders === 1 && count >= this.packedCount;
    const first = alone ? this : this.keep(new Uint32Array(count).map((_, row) => row));
    // Rows to come add to what their taps hold.
    for (const tap of first.taps) tap.fill(0, count, first.length);
    first.length = count;
    first.observed = new Map();
    if (first.capacity - count > SPARE_ROWS) first.#resize(count);
    return first;
  }

  /** Takes rows over; from itself too, as ascending rows only ever move down. */
  #copyRows(from: HeadRows, rows: Uint32Array | undefined): void {
    const count = rows?.length ?? from.length;
    const before = from.packedCount;
    this.observed = rows === undefined ? from.observed : pick(from.observed, rows);
    const packedKept = rows === undefined ? before : countBelow(rows, before);
    this.packed = rows === undefined ? from.packed : from.packed && {
      keys: pickPacked(from.packed.keys, rows.subarray(0, packedKept)),
      values: pickPacked(from.packed.values, rows.subarray(0, packedKept)),
    };
    const width = this.headDim;
    copyNumbers(from.positions, this.positions, rows, count);
    this.taps.forEach((tap, index) => copyNumbers(from.taps[index], tap, rows, count));
    forEachRun(rows, packedKept, count, (first, to, length) => {
      const [out, into] = [(first - before) * width, (to - packedKept) * width];
      copyRange(from.keys, this.keys, out, into, length * width);
      copyRange(from.values, this.values, out, into, length * width);
    });
    this.length = count;
  }

  #resize(capacity: number): void {
    const loose = (capacity - this.packedCount) * this.headDim;
    this.keys = resizeNumbers(this.keys, loose);
    this.values = resizeNumbers(this.values, loose);
    this.positions = new Int32Array(this.positions.buffer.transfer(capacity * Int32Array.BYTES_PER_ELEMENT));
    this.taps = this.taps.map((tap) =>
      new Float32Array(tap.buffer.transfer(capacity * Float32Array.BYTES_PER_ELEMENT))
    );
  }

  #free(): void {
    this.observed = new Map();
    this.packed = undefined;
    this.length = 0;
    this.#resize(0);
  }
}

function live(loose: Float32Array<ArrayBuffer>, packed: PackedVectors | undefined): Float32Array<ArrayBuffer> {
  if (packed === undefined || packed.count === 0) return loose;
  const older = unpackVectors(packed);
  const all = new Float32Array(older.length + loose.length);
  all.set(older);
  all.set(loose, older.length);
  return all;
}

/** Calls `copy` for each run of consecutive rows among `rows[start]` to before `rows[end]`; all rows where none are named. */
function forEachRun(
  rows: Uint32Array | undefined,
  start: number,
  end: number,
  copy: (first: number, to: number, length: number) => void,
): void {
  for (let to = start; to < end;) {
    const first = rows?.[to] ?? to;
    let length = rows === undefined ? end - to : 1;
    while (rows !== undefined && to + length < end && rows[to + length] === first + length) length++;
    copy(first, to, length);
    to += length;
  }
}

/** How many of `rows`, which ascend, are below `end`. */
function countBelow(rows: Uint32Array, end: number): number {
  let count = 0;
  while (count < rows.length && rows[count] < end) count++;
  return count;
}

function pick(observed: HeadRows["observed"], rows: Uint32Array): HeadRows["observed"] {
  return new Map([...observed].map(([need, values]) => {
    const picked = new Float32Array(rows.length);
    copyNumbers(values, picked, rows, rows.length);
    return [need, picked];
  }));
}

/** Copies numbers one by one, where a run of rows is too short to be worth a call; all in one where no rows are named. */
function copyNumbers<T extends Float32Array | Int32Array>(
  from: T,
  into: T,
  rows: Uint32Array | undefined,
  count: number,
): void {
  if (rows === undefined) copyRange(from, into, 0, 0, count);
  else for (let to = 0; to < count; to++) into[to] = from[rows[to]];
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
