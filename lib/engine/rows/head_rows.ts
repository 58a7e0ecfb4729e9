import type { ObservedSignal } from "../signals/signals.ts";
import type { CacheDtype } from "./cache_dtype.ts";
import {
  dequantizeVectors,
  groupCount,
  joinQuantized,
  pickQuantized,
  quantizedBytes,
  type QuantizedVectors,
  quantizeVectors,
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
  readonly quantized?: QuantizedRows;
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
export interface QuantizedRows {
  /** After rotation. */
  readonly keys: QuantizedVectors;
  /** As many as keys. */
  readonly values: QuantizedVectors;
}

/**
 * The cached rows of one kv head in one layer, in buffers of their own. Several caches may share them; a cache that is
 * about to change rows that others hold takes a copy first. The oldest rows may be packed; the others are loose, float32.
 */
export class HeadRows {
  readonly headDim: number;
  /** The oldest rows, where they are held in fewer bits. Never changed in place. */
  quantized?: QuantizedRows;
  /** Rotated keys of loose rows, `[capacity − packed, head_dim]`; the first {@linkcode fullPrecisionCount} are live. */
  keys: Float32Array<ArrayBuffer>;
  values: Float32Array<ArrayBuffer>;
  /** Position in the text, `[capacity]`. */
  positions: Int32Array<ArrayBuffer>;
  /** Recorded attention, one array a tap: `[capacity]` each. */
  recordings: Float32Array<ArrayBuffer>[];
  /** Signals observed of all rows, `[length]` each; gone once rows are appended. Never changed in place. */
  observed: ReadonlyMap<ObservedSignal, Float32Array> = new Map();
  length = 0;
  #holders = 1;

  constructor(headDim: number, recordingCount: number, capacity = 0, quantizedCount = 0) {
    this.headDim = headDim;
    this.keys = allocateNumbers((capacity - quantizedCount) * headDim);
    this.values = allocateNumbers((capacity - quantizedCount) * headDim);
    this.positions = new Int32Array(capacity);
    this.recordings = Array.from({ length: recordingCount }, () => new Float32Array(capacity));
  }

  /** Rows that the buffers have room for. */
  get capacity(): number {
    return this.positions.length;
  }

  /** Rows that are packed. */
  get quantizedCount(): number {
    return this.quantized?.keys.count ?? 0;
  }

  /** Rows that are float32. */
  get fullPrecisionCount(): number {
    return this.length - this.quantizedCount;
  }

  /** Groups of rows whose channels share scales, those of keys and of values. */
  get quantizedGroups(): number {
    return groupCount(this.quantized?.keys) + groupCount(this.quantized?.values);
  }

  /** Bytes of packed rows, scales and all. */
  get quantizedBytes(): number {
    return this.quantized === undefined
      ? 0
      : quantizedBytes(this.quantized.keys) + quantizedBytes(this.quantized.values);
  }

  /** Bytes of live rows, scales and all. */
  get liveBytes(): number {
    return this.fullPrecisionCount * floatRowBytes(this.headDim) + this.quantizedBytes;
  }

  /** Bytes of the key and value buffers. */
  get allocatedBytes(): number {
    return this.keys.byteLength + this.values.byteLength + this.quantizedBytes;
  }

  /** Positions of live rows, `[length]`: a view. */
  livePositions(): Int32Array<ArrayBuffer> {
    return this.positions.subarray(0, this.length);
  }

  /** Live keys, `[length, head_dim]`: a view where no row is packed, else a copy of what they stand for. */
  liveKeys(): Float32Array<ArrayBuffer> {
    return live(this.keys.subarray(0, this.fullPrecisionCount * this.headDim), this.quantized?.keys);
  }

  /** Live values, `[length, head_dim]`, as {@linkcode liveKeys}. */
  liveValues(): Float32Array<ArrayBuffer> {
    return live(this.values.subarray(0, this.fullPrecisionCount * this.headDim), this.quantized?.values);
  }

  /** Packs the oldest `count` loose rows. These rows are held by nobody else. */
  quantize(count: number, cacheDtype: CacheDtype): void {
    if (count === 0) return;
    const size = count * this.headDim;
    const [keys, values] = [this.keys.slice(0, size), this.values.slice(0, size)];
    const quantized = {
      keys: quantizeVectors(keys, cacheDtype.keys, this.headDim),
      values: quantizeVectors(values, cacheDtype.values, this.headDim),
    };
    this.keys.copyWithin(0, size, this.fullPrecisionCount * this.headDim);
    this.values.copyWithin(0, size, this.fullPrecisionCount * this.headDim);
    this.quantized = this.quantized === undefined ? quantized : {
      keys: joinQuantized(this.quantized.keys, quantized.keys),
      values: joinQuantized(this.quantized.values, quantized.values),
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
    const copy = new HeadRows(this.headDim, this.recordings.length, room, this.quantizedCount);
    copy.#copyRows(this, undefined);
    return copy;
  }

  /** The loose rows and the `count` after them, which may be written: the buffers must have room for them. */
  room(count: number): { keys: Float32Array<ArrayBuffer>; values: Float32Array<ArrayBuffer> } {
    const size = (this.fullPrecisionCount + count) * this.headDim;
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
      const quantizedCount = countBelow(rows, this.quantizedCount);
      const kept = new HeadRows(this.headDim, this.recordings.length, rows.length, quantizedCount);
      kept.#copyRows(this, rows);
      return kept;
    }
    this.#copyRows(this, rows);
    this.#resize(rows.length);
    return this;
  }

  /** The first `count` rows, held by nobody else; what was observed of more is gone. */
  upTo(count: number): HeadRows {
    const alone = this.#holders === 1 && count >= this.quantizedCount;
    const first = alone ? this : this.keep(new Uint32Array(count).map((_, row) => row));
    // Rows to come add to what their taps hold.
    for (const recording of first.recordings) recording.fill(0, count, first.length);
    first.length = count;
    first.observed = new Map();
    if (first.capacity - count > SPARE_ROWS) first.#resize(count);
    return first;
  }

  /** Takes rows over; from itself too, as ascending rows only ever move down. */
  #copyRows(from: HeadRows, rows: Uint32Array | undefined): void {
    const count = rows?.length ?? from.length;
    const before = from.quantizedCount;
    this.observed = rows === undefined ? from.observed : pick(from.observed, rows);
    const quantizedKept = rows === undefined ? before : countBelow(rows, before);
    this.quantized = rows === undefined ? from.quantized : from.quantized && {
      keys: pickQuantized(from.quantized.keys, rows.subarray(0, quantizedKept)),
      values: pickQuantized(from.quantized.values, rows.subarray(0, quantizedKept)),
    };
    const width = this.headDim;
    copyNumbers(from.positions, this.positions, rows, count);
    this.recordings.forEach((recording, index) => copyNumbers(from.recordings[index], recording, rows, count));
    forEachRun(rows, quantizedKept, count, (first, to, length) => {
      const [out, into] = [(first - before) * width, (to - quantizedKept) * width];
      copyRange(from.keys, this.keys, out, into, length * width);
      copyRange(from.values, this.values, out, into, length * width);
    });
    this.length = count;
  }

  #resize(capacity: number): void {
    const fullPrecision = (capacity - this.quantizedCount) * this.headDim;
    this.keys = resizeNumbers(this.keys, fullPrecision);
    this.values = resizeNumbers(this.values, fullPrecision);
    this.positions = new Int32Array(this.positions.buffer.transfer(capacity * Int32Array.BYTES_PER_ELEMENT));
    this.recordings = this.recordings.map((recording) =>
      new Float32Array(recording.buffer.transfer(capacity * Float32Array.BYTES_PER_ELEMENT))
    );
  }

  #free(): void {
    this.observed = new Map();
    this.quantized = undefined;
    this.length = 0;
    this.#resize(0);
  }
}

function live(
  fullPrecision: Float32Array<ArrayBuffer>,
  quantized: QuantizedVectors | undefined,
): Float32Array<ArrayBuffer> {
  if (quantized === undefined || quantized.count === 0) return fullPrecision;
  const older = dequantizeVectors(quantized);
  const all = new Float32Array(older.length + fullPrecision.length);
  all.set(older);
  all.set(fullPrecision, older.length);
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
  return new Map([...observed].map(([signal, values]) => {
    const picked = new Float32Array(rows.length);
    copyNumbers(values, picked, rows, rows.length);
    return [signal, picked];
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
