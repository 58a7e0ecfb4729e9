import { createHash } from "node:crypto";
import { allFinite } from "../../../numeric/vectors.ts";
import {
  type CacheDtype,
  ELEMENT_DTYPES,
  isFloat32,
  parseCacheDtype,
  type VectorFormat,
} from "../../rows/cache_dtype.ts";
import { type CacheShape, hasWindows } from "../../rows/cache_shape.ts";
import { HeadRows } from "../../rows/head_rows.ts";
import { emptyVectors, type QuantizedVectors } from "../../rows/quantized_vectors.ts";
import { TokenIds } from "../../rows/token_ids.ts";
import type { CacheState, EvictionGap, SignalMark } from "../state/cache_state.ts";
import { QueryMoments } from "../state/query_moments.ts";
import { canRewind } from "../state/rewind.ts";
import { attentionRecordings, chunkRecordings, rowRecordings } from "../../signals/signals.ts";
import { ALIGNMENT, CACHE_MAGIC, CACHE_VERSION, type CacheContent, HASH_BYTES, PREAMBLE_BYTES } from "./encode.ts";
import { type CacheHeader, parseCacheHeader, type SignalHeader } from "./header.ts";
import { quoted } from "../../../files/quoted.ts";

/** Arrays that are filled from the file. */
type Numbers = Int32Array | Float32Array | Float64Array | QuantizedVectors["codes" | "scales" | "groups"];

/**
 * Reads the bytes of a cache file, which {@linkcode encodeCache} wrote: every number is the same, to the bit.
 *
 * @param label the file, for messages
 * @throws {SyntaxError} if it is no cache file, of another version, damaged or cut short
 * @throws {TypeError} if its rows have a cache dtype that this program does not read
 */
export function decodeCache(bytes: Uint8Array, label: string): CacheContent {
  const header = readHeader(bytes, label);
  const cacheDtype = readFormat(header, label);
  const { shape, recordings } = header;
  const ofRows = rowRecordings(recordings);
  const recordingCount = ofRows.length;
  const inOrder = [...attentionRecordings(recordings), ...chunkRecordings(recordings)];
  if (ofRows.some((recording, index) => recording !== inOrder[index])) throw contradiction(label);
  const perHead = [header.rows, header.quantized_rows, header.key_groups, header.value_groups];
  if (!fitsLayers(shape)) throw contradiction(label);
  if (perHead.some(({ length }) => length !== shape.layerCount * shape.kvHeadCount)) throw contradiction(label);
  const reader = new NumberReader(bytes, label);
  const ids = reader.fill(new Int32Array(reader.room(header.tokens, 4)));
  if (ids.some((id) => id < 0) || !fitsTokens(header)) throw contradiction(label);
  const heads = header.rows.map((rows, index) => {
    const quantizedRows = header.quantized_rows[index];
    if (quantizedRows > rows || (quantizedRows > 0 && isFloat32(cacheDtype))) throw contradiction(label);
    reader.room(rows - quantizedRows, 2 * shape.headDim * 4);
    const head = new HeadRows(shape.headDim, recordingCount, reader.room(rows, 4), quantizedRows);
    reader.fill(head.positions);
    if (!ascendBelow(head.positions, header.tokens)) throw contradiction(label);
    if (quantizedRows > 0) {
      head.quantized = {
        keys: reader.vectors(cacheDtype.keys, shape.headDim, quantizedRows, header.key_groups[index]),
        values: reader.vectors(cacheDtype.values, shape.headDim, quantizedRows, header.value_groups[index]),
      };
    }
    for (const numbers of [head.keys, head.values, ...head.recordings]) {
      if (!allFinite(reader.fill(numbers))) throw contradiction(label);
    }
    head.length = rows;
    head.observed = observed(reader, header, rows);
    return head;
  });
  if (!heads.every((head) => isExplained(head.positions, header)) || !fitsRows(header)) throw contradiction(label);
  const queryHeads = shape.layerCount * shape.kvHeadCount * shape.groupSize;
  const moments = header.moment_counts.map((count) =>
    QueryMoments.from(shape, {
      count,
      means: reader.fill(new Float64Array(reader.room(queryHeads * shape.headDim, 8))),
      scatter: reader.fill(new Float64Array(reader.room(queryHeads * shape.headDim ** 2, 8))),
    })
  );
  const signals = (of: SignalHeader) => {
    if (of.lost.some((recording) => recording >= recordings.length) || of.moments >= moments.length) {
      throw contradiction(label);
    }
    return {
      lost: new Set(of.lost.map((recording) => recordings[recording])),
      recordedUntil: of.recorded_until,
      own: moments[of.moments],
    };
  };
  const marks = header.marks.map((mark): [number, SignalMark] => {
    const { own, ...rest } = signals(mark);
    const fits = mark.rows.length === heads.length &&
      heads.every(({ positions }, head) => mark.rows[head] === positions.filter((at) => at < mark.position).length);
    if (!fits || mark.position > header.tokens || mark.recorded_until > mark.position) throw contradiction(label);
    if (!canRewind(gapsOf(header), mark.position)) throw contradiction(label);
    const found = mark.rows.map((rows) => ({
      recordings: Array.from({ length: recordingCount }, () => reader.fill(new Float32Array(rows))),
      observed: observed(reader, mark, rows),
    }));
    return [mark.position, {
      ...rest,
      moments: own,
      recordings: found.map((of) => of.recordings),
      observed: found.map((of) => of.observed),
    }];
  });
  reader.end();
  const { own, ...rest } = signals(header);
  const state: CacheState = {
    ...rest,
    heads,
    ids: new TokenIds().with(ids),
    cacheDtype,
    drafted: 0,
    running: false,
    positions: header.positions,
    nextRotary: header.next_rotary_position,
    rotation: header.rotation,
    moments: own && { own, shared: true },
    gaps: gapsOf(header),
    pins: header.pins.map(([start, end]) => ({ start, end })),
    marks: new Map(marks),
  };
  return { shape, recordings, owner: header.owner, state };
}

/** Whether what a shape says of each layer is there for each. */
function fitsLayers({ layerCount, headDim, windows, rotary, rotaryBeyond }: CacheShape): boolean {
  return windows.length === layerCount &&
    [rotary, rotaryBeyond?.rotary ?? rotary].every(({ kinds, layers }) =>
      layers.length === layerCount && layers.every((kind) => kind < kinds.length) &&
      kinds.every(({ length }) => length === headDim / 2)
    );
}

function gapsOf({ gaps }: CacheHeader): EvictionGap[] {
  return gaps.map(([start, end]) => ({ start, end }));
}

/** Whether what a header says of positions lies within its tokens, and ranges ascend. */
function fitsTokens(
  { tokens, pins, gaps, recorded_until, moment_counts, rotation, shape, marks }: CacheHeader,
): boolean {
  const ranges = pins.every(([start, end], index) =>
    start < end && end <= tokens && start > (pins[index - 1]?.[1] ?? -1)
  );
  const evictions = gaps.every(([start, end]) => start >= -1 && start < end && end <= tokens);
  const ascend = marks.every(({ position }, index) => position > (marks[index - 1]?.position ?? -1));
  return ranges && evictions && ascend && recorded_until <= tokens && moment_counts.every((count) => count <= tokens) &&
    (rotation === "within" || shape.rotaryBeyond?.rotary !== undefined);
}

/** Whether the next token's rotary position follows from the rows, as it does after whatever is done to a cache. */
function fitsRows({ positions, next_rotary_position: next, tokens, rows, shape }: CacheHeader): boolean {
  if (positions === "logical") return next === tokens;
  const longest = rows.reduce((most, count) => Math.max(most, count), 0);
  // Rows that left their windows still count.
  return hasWindows(shape) ? next >= longest && next <= tokens : next === longest;
}

/** Whether each position that a head lacks was lost to one of the evictions. */
function isExplained(positions: Int32Array, { tokens, gaps }: CacheHeader): boolean {
  for (let position = 0, row = 0; position < tokens; position++) {
    if (positions[row] === position) row++;
    else if (!gaps.some(([start, end]) => start <= position && position < end)) return false;
  }
  return true;
}

function readHeader(bytes: Uint8Array, label: string): CacheHeader {
  const magic = new TextDecoder().decode(bytes.subarray(0, CACHE_MAGIC.length));
  if (magic !== CACHE_MAGIC) {
    throw new SyntaxError(`Cannot load ${label} as it does not begin with ${CACHE_MAGIC}: it is no cache file`);
  }
  if (bytes.length < PREAMBLE_BYTES + HASH_BYTES) throw damaged(label);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const version = view.getUint32(CACHE_MAGIC.length, true);
  if (version !== CACHE_VERSION) {
    throw new SyntaxError(
      `Cannot load ${label} as it is of version ${version}: this program reads version ${CACHE_VERSION}`,
    );
  }
  const hash = createHash("sha256").update(bytes.subarray(0, -HASH_BYTES)).digest();
  if (hash.some((byte, index) => byte !== bytes[bytes.length - HASH_BYTES + index])) throw damaged(label);
  const end = headerEnd(bytes);
  if (end > bytes.length - HASH_BYTES) throw contradiction(label);
  return parseCacheHeader(bytes.subarray(PREAMBLE_BYTES, end), `the header of ${label}`);
}

function readFormat({ dtype, residual_length }: CacheHeader, label: string): CacheDtype {
  try {
    return parseCacheDtype(dtype, residual_length);
  } catch {
    throw new TypeError(
      `Cannot load ${label} as its rows are ${quoted(dtype)}: this program holds ${
        ELEMENT_DTYPES.join(", ")
      } and two of them`,
    );
  }
}

function headerEnd(bytes: Uint8Array): number {
  return PREAMBLE_BYTES + new DataView(bytes.buffer, bytes.byteOffset).getUint32(CACHE_MAGIC.length + 4, true);
}

/** Reads lists of numbers one after the other; allocates no more than the file can fill. */
class NumberReader {
  readonly #bytes: Uint8Array;
  readonly #label: string;
  #offset: number;

  constructor(bytes: Uint8Array, label: string) {
    this.#bytes = bytes.subarray(0, -HASH_BYTES);
    this.#label = label;
    this.#offset = headerEnd(bytes);
  }

  /** Gives `count` back if that many items of `size` bytes fit the rest of the file; else a SyntaxError. */
  room(count: number, size: number): number {
    if (!(count * size <= this.#bytes.length - this.#offset)) throw contradiction(this.#label);
    return count;
  }

  fill<N extends Numbers>(numbers: N): N {
    const length = numbers.byteLength;
    this.room(length, 1);
    new Uint8Array(numbers.buffer, numbers.byteOffset, length).set(
      this.#bytes.subarray(this.#offset, this.#offset + length),
    );
    this.#offset += Math.ceil(length / ALIGNMENT) * ALIGNMENT;
    return numbers;
  }

  /** Reads quantized vectors, and checks that each belongs to one of the file's groups. */
  vectors(format: VectorFormat, headDim: number, count: number, groups: number): QuantizedVectors {
    this.room(count * headDim, format.dtype === "int4" ? 0.5 : 1);
    this.room(groups * headDim, 4);
    const vectors = emptyVectors(format, headDim, count, groups);
    for (const numbers of [vectors.codes, vectors.scales, vectors.mins, vectors.groups]) this.fill(numbers);
    if (vectors.groups.some((group) => group < 0 || group >= groups)) throw contradiction(this.#label);
    return vectors;
  }

  end(): void {
    if (this.#offset !== this.#bytes.length) throw contradiction(this.#label);
  }
}

function observed(reader: NumberReader, { observed }: SignalHeader, rows: number): HeadRows["observed"] {
  return new Map(observed.toSorted().map((signal) => [signal, reader.fill(new Float32Array(rows))]));
}

function ascendBelow(positions: Int32Array, end: number): boolean {
  return positions.every((position, row) => position < end && position > (row === 0 ? -1 : positions[row - 1]));
}

function damaged(label: string): SyntaxError {
  return new SyntaxError(`Cannot load ${label} as its sha256 is not that of its content: it is damaged or cut short`);
}

function contradiction(label: string): SyntaxError {
  return new SyntaxError(`Cannot load ${label} as its header and its content contradict each other: it was made wrong`);
}
