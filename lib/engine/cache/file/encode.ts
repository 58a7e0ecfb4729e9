import { createHash } from "node:crypto";
import { writeAll, writeAtomic } from "../../../files/write_atomic.ts";
import { cacheDtypeName } from "../../rows/cache_dtype.ts";
import type { CacheOwner, CacheShape } from "../../rows/cache_shape.ts";
import type { HeadRows } from "../../rows/head_rows.ts";
import { groupCount, type QuantizedVectors } from "../../rows/quantized_vectors.ts";
import type { Recording } from "../../signals/signals.ts";
import type { CacheState, SignalMark } from "../state/cache_state.ts";
import type { QueryMoments } from "../state/query_moments.ts";
import type { CacheHeader, SignalHeader } from "./header.ts";

/** The first bytes of a cache file. */
export const CACHE_MAGIC = "KVMCACHE";
/** The version of the format that this program writes and reads. */
export const CACHE_VERSION = 3;
/** Magic, version and length of the header. */
export const PREAMBLE_BYTES = 16;
/** sha256 of everything before it. */
export const HASH_BYTES = 32;
/** Header and lists of numbers begin at multiples of this. */
export const ALIGNMENT = 8;

/** The parts of a cache. */
export interface CacheContent {
  readonly shape: CacheShape;
  /** The cache's recordings: attention, chunks' own numbers, moments. */
  readonly recordings: readonly Recording[];
  readonly state: CacheState;
  readonly owner: CacheOwner;
}

/**
 * Encodes a cache as the bytes of a file, in pieces:
 * - magic, version (u32), length of the header (u32), header (JSON);
 * - little-endian numbers, each list at a multiple of 8 bytes: token ids; for each head its positions, quantized keys,
 *   quantized values (codes, scales, mins and groups of each), float32 keys and values, recordings, observed signals;
 *   query moments; for each mark the recordings and observed signals of its heads;
 * - sha256 of everything before it.
 */
export function encodeCache({ shape, recordings, state, owner }: CacheContent): Uint8Array[] {
  const marks = [...state.marks].sort(([one], [other]) => one - other);
  const moments = [...new Set([state.moments?.own, ...marks.map(([, mark]) => mark.moments)])]
    .filter((found) => found !== undefined);
  const header: CacheHeader = {
    dtype: cacheDtypeName(state.cacheDtype),
    residual_length: state.cacheDtype.residualLength,
    owner,
    shape,
    positions: state.positions,
    next_rotary_position: state.nextRotary,
    rotation: state.rotation,
    recordings,
    tokens: state.ids.length,
    rows: state.heads.map(({ length }) => length),
    quantized_rows: state.heads.map(({ quantizedCount }) => quantizedCount),
    key_groups: state.heads.map(({ quantized }) => groupCount(quantized?.keys)),
    value_groups: state.heads.map(({ quantized }) => groupCount(quantized?.values)),
    moment_counts: moments.map(({ count }) => count),
    gaps: state.gaps.map(({ start, end }) => [start, end]),
    pins: state.pins.map(({ start, end }) => [start, end]),
    ...signalHeader(
      { ...state, observed: state.heads.map(({ observed }) => observed) },
      state.moments?.own,
      recordings,
      moments,
    ),
    marks: marks.map(([position, mark]) => ({
      position,
      rows: mark.recordings.map(([first], head) => first?.length ?? rowsBelow(state.heads[head], position)),
      ...signalHeader(mark, mark.moments, recordings, moments),
    })),
  };
  const numbers = [
    Int32Array.from(state.ids.slice()),
    ...state.heads.flatMap((head) => [
      head.livePositions(),
      ...quantizedNumbers(head.quantized?.keys),
      ...quantizedNumbers(head.quantized?.values),
      head.keys.subarray(0, head.fullPrecisionCount * head.headDim),
      head.values.subarray(0, head.fullPrecisionCount * head.headDim),
      ...head.recordings.map((recording) => recording.subarray(0, head.length)),
      ...observedNumbers(head.observed),
    ]),
    ...moments.flatMap((own) => [own.numbers().means, own.numbers().scatter]),
    ...marks.flatMap(([, mark]) =>
      mark.recordings.flatMap((recordings, head) => [...recordings, ...observedNumbers(mark.observed[head])])
    ),
  ];
  return withHash([...beginning(header), ...numbers.flatMap(padded)]);
}

function signalHeader(
  { lost, recordedUntil, observed }: Pick<SignalMark, "lost" | "recordedUntil" | "observed">,
  own: QueryMoments | undefined,
  recordings: readonly Recording[],
  moments: readonly QueryMoments[],
): SignalHeader {
  return {
    lost: [...recordings.keys()].filter((index) => lost.has(recordings[index])),
    recorded_until: recordedUntil,
    observed: [...observed[0].keys()].sort(),
    moments: own === undefined ? -1 : moments.indexOf(own),
  };
}

function rowsBelow({ positions, length }: HeadRows, position: number): number {
  return positions.subarray(0, length).filter((own) => own < position).length;
}

function quantizedNumbers(vectors: QuantizedVectors | undefined): QuantizedVectors["codes" | "scales" | "groups"][] {
  return vectors === undefined ? [] : [vectors.codes, vectors.scales, vectors.mins, vectors.groups];
}

function observedNumbers(observed: HeadRows["observed"]): Float32Array[] {
  return [...observed].sort(([one], [other]) => one < other ? -1 : 1).map(([, values]) => values);
}

function beginning(header: CacheHeader): Uint8Array[] {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const text = new Uint8Array(Math.ceil(json.length / ALIGNMENT) * ALIGNMENT).fill(0x20);
  text.set(json);
  const preamble = new Uint8Array(PREAMBLE_BYTES);
  preamble.set(new TextEncoder().encode(CACHE_MAGIC));
  const view = new DataView(preamble.buffer);
  view.setUint32(CACHE_MAGIC.length, CACHE_VERSION, true);
  view.setUint32(CACHE_MAGIC.length + 4, text.length, true);
  return [preamble, text];
}

function padded(numbers: ArrayBufferView): Uint8Array[] {
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  const rest = -bytes.length & (ALIGNMENT - 1);
  return rest === 0 ? [bytes] : [bytes, new Uint8Array(rest)];
}

function withHash(pieces: readonly Uint8Array[]): Uint8Array[] {
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  return [...pieces, new Uint8Array(hash.digest())];
}

/**
 * Writes a cache to a file, atomically: see {@linkcode KvCache.save}.
 *
 * @throws {TypeError} if the cache belongs to no model
 * @throws {RangeError} if the path is empty or a folder
 */
export async function saveCache(
  path: string,
  { owner, ...content }: Omit<CacheContent, "owner"> & Partial<Pick<CacheContent, "owner">>,
): Promise<void> {
  if (owner === undefined) throw new TypeError(`Cannot save this cache as it belongs to no model`);
  await writeAtomic(path, (file) => {
    // Encoded without a pause: nothing can change the rows between two pieces.
    for (const piece of encodeCache({ ...content, owner })) {
      writeAll(file, piece);
    }
  });
}
