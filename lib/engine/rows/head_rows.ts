import type { ObservedSignal } from "../signals/signals.ts";
import type { CacheDtype } from "./cache_dtype.ts";
import {
  dequantizeVectors,
  groupCount,
  joinQuantized,
  pickedBytes,
  pickQuantized,
  quantizedBytes,
  type QuantizedVectors,
  quantizeVectors,
} from "./quantized_vectors.ts";
import { allocateNumbers, resizeNumbers } from "./row_buffer.ts";
import { floatRowBytes } from "./row_bytes.ts";

/** Rows of one kv head, as views of its buffers. */
export interface RowViews {
  /** Rotated keys, `[rows, head_dim]`. */
  readonly keys: Float32Array;
  /** Values, `[rows, head_dim]`. */
  readonly values: Float32Array;
}

/** One kv head's inputs of a run: float32 rows with room for S more, `[P + S, head_dim]` each, and quantized rows. */
export interface RunRows extends RowViews {
  /** The older, quantized rows; undefined where the decoder takes none. */
  readonly quantized?: QuantizedRows;
  /** Rotary positions of all rows, quantized and new ones too; undefined where the layer has no window. */
  readonly positions?: Int32Array;
}

/** The rows of one kv head, for an attention probe. */
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

/** Rows of room that a rewind leaves, as other tokens mostly follow at once. */
const SPARE_ROWS = 128;

/** The quantized rows of a head: its oldest. */
export interface QuantizedRows {
  /** Keys, after rotation. */
  readonly keys: QuantizedVectors;
  /** Values, as many as keys. */
  readonly values: QuantizedVectors;
}

/**
 * The cached rows of one kv head in one layer, in their own buffers. Several caches may share them: a cache copies
 * shared rows before it changes them. The oldest rows may be quantized; the others are float32.
 */
export class HeadRows {
  readonly headDim: number;
  /** The oldest rows, where they are quantized. Never changed in place. */
  quantized?: QuantizedRows;
  /** Rotated float32 keys, `[capacity − quantizedCount, head_dim]`; {@linkcode fullPrecisionCount} are live. */
  keys: Float32Array<ArrayBuffer>;
  values: Float32Array<ArrayBuffer>;
  /** Position in the text, `[capacity]`. */
  positions: Int32Array<ArrayBuffer>;
  /** Recorded attention, one array a recording: `[capacity]` each. */
  recordings: Float32Array<ArrayBuffer>[];
  /** Observed signals, `[length]` each; dropped when rows are appended. Never changed in place. */
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

  /** Quantized rows. */
  get quantizedCount(): number {
    return this.quantized?.keys.count ?? 0;
  }

  /** Float32 rows. */
  get fullPrecisionCount(): number {
    return this.length - this.quantizedCount;
  }

  /** Groups of rows whose channels share scales, of keys and of values together. */
  get quantizedGroups(): number {
    return groupCount(this.quantized?.keys) + groupCount(this.quantized?.values);
  }

  /** Bytes of quantized rows: codes, scales, mins and groups. */
  get quantizedBytes(): number {
    return this.quantized === undefined
      ? 0
      : quantizedBytes(this.quantized.keys) + quantizedBytes(this.quantized.values);
  }

  /** Bytes of live rows, float32 and quantized. */
  get liveBytes(): number {
    return this.fullPrecisionCount * floatRowBytes(this.headDim) + this.quantizedBytes;
  }

  /** Bytes of the key and value buffers. */
  get allocatedBytes(): number {
    return this.keys.byteLength + this.values.byteLength + this.quantizedBytes;
  }

  /** Bytes of the named rows, ascending, were they all that is kept. */
  bytesOf(rows: Uint32Array): number {
    const older = countBelow(rows, this.quantizedCount);
    const float = (rows.length - older) * floatRowBytes(this.headDim);
    if (this.quantized === undefined || older === 0) return float;
    const picked = rows.subarray(0, older);
    return float + pickedBytes(this.quantized.keys, picked) + pickedBytes(this.quantized.values, picked);
  }

  /** Positions of live rows, `[length]`: a view. */
  livePositions(): Int32Array<ArrayBuffer> {
    return this.positions.subarray(0, this.length);
  }

  /** Live keys, `[length, head_dim]`: a view where no row is quantized, else a dequantized copy. */
  liveKeys(): Float32Array<ArrayBuffer> {
    return live(this.keys.subarray(0, this.fullPrecisionCount * this.headDim), this.quantized?.keys);
  }

  /** Live values, `[length, head_dim]`: a view or a copy, as {@linkcode liveKeys}. */
  liveValues(): Float32Array<ArrayBuffer> {
    return live(this.values.subarray(0, this.fullPrecisionCount * this.headDim), this.quantized?.values);
  }

  /** Quantizes the oldest `count` float32 rows, which no other cache may share. */
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

  /** Notes one more cache that shares these rows. */
  share(): HeadRows {
    this.#holders++;
    return this;
  }

  /** Notes one cache less; the last one frees the buffers at once, without waiting for the garbage collector. */
  release(): void {
    if (--this.#holders === 0) this.#free();
  }

  /** Rows of one cache alone: these, or a copy, with room for `capacity` rows, and for `spare` more where it is new. */
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

  /**
   * The float32 rows and room for `count` more, which may be written. The buffers must have that room.
   *
   * @param hidden oldest rows to leave out, quantized ones first
   */
  room(count: number, hidden = 0): { keys: Float32Array<ArrayBuffer>; values: Float32Array<ArrayBuffer> } {
    const first = Math.max(0, hidden - this.quantizedCount) * this.headDim;
    const end = (this.fullPrecisionCount + count) * this.headDim;
    return { keys: this.keys.subarray(first, end), values: this.values.subarray(first, end) };
  }

  /** Makes the `count` rows after the live ones live, for tokens from `firstPosition` on. */
  takeIn(count: number, firstPosition: number): void {
    for (let row = 0; row < count; row++) this.positions[this.length + row] = firstPosition + row;
    this.length += count;
    this.observed = new Map();
  }

  /** Indices of the live rows from `first` on. */
  rowsFrom(first: number): Uint32Array {
    return new Uint32Array(this.length - first).map((_, row) => first + row);
  }

  /** The named rows, ascending, in buffers of just their size that no other cache shares. */
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

  /** The first `count` rows, shared with no other cache; observed signals are dropped. */
  upTo(count: number): HeadRows {
    const alone = this.#holders === 1 && count >= this.quantizedCount;
    const first = alone ? this : this.keep(new Uint32Array(count).map((_, row) => row));
    // Rows to come add to their recordings, which must begin at 0.
    for (const recording of first.recordings) recording.fill(0, count, first.length);
    first.length = count;
    first.observed = new Map();
    if (first.capacity - count > SPARE_ROWS) first.#resize(count);
    return first;
  }

  /** Copies rows, also from itself: ascending rows only move towards the beginning. */
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

/** Calls `copy` for each run of consecutive rows among `rows[start]` to `rows[end − 1]`; without `rows`, once. */
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

/** Copies the numbers of the named rows one by one, as runs are too short for calls; without names, all at once. */
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
