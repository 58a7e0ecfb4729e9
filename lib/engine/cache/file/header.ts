import { createFields, type Fields } from "../../../files/fields.ts";
import { parseJsonObject } from "../../../files/json_object.ts";
import type { Rotary, RotaryLength } from "../../../numeric/rotary.ts";
import type { CacheOwner, CacheShape } from "../../rows/cache_shape.ts";
import type { PositionMode } from "../../rows/rotary_positions.ts";
import { isChunkRecording, OBSERVED_SIGNALS, type ObservedSignal, type Recording } from "../../signals/signals.ts";
import { quoted } from "../../../files/quoted.ts";

/** The signals of a cache at one moment, without their numbers. */
export interface SignalHeader {
  /** Indices of the recordings that a rewind lost. */
  readonly lost: readonly number[];
  readonly recorded_until: number;
  readonly observed: readonly ObservedSignal[];
  /** Index among the file's query moments, or -1. */
  readonly moments: number;
}

/** The header of a cache file, as JSON: everything but the long lists of numbers. */
export interface CacheHeader extends SignalHeader {
  /** The dtype of rows older than the residual length, as {@linkcode cacheDtypeName} names it. */
  readonly dtype: string;
  readonly residual_length: number;
  readonly owner: CacheOwner;
  readonly shape: CacheShape;
  readonly positions: PositionMode;
  readonly next_rotary_position: number;
  readonly rotation: RotaryLength;
  /** The cache's recordings, in order: attention, chunks' own numbers, moments. */
  readonly recordings: readonly Recording[];
  readonly tokens: number;
  /** Rows of each head, `[layer · kv heads + kv head]`. */
  readonly rows: readonly number[];
  /** Quantized rows of each head, and their groups of keys and of values by channel. */
  readonly quantized_rows: readonly number[];
  readonly key_groups: readonly number[];
  readonly value_groups: readonly number[];
  /** Queries counted by each of the file's query moments. */
  readonly moment_counts: readonly number[];
  readonly gaps: readonly (readonly [number, number])[];
  readonly pins: readonly (readonly [number, number])[];
  readonly marks: readonly (SignalHeader & { readonly position: number; readonly rows: readonly number[] })[];
}

/**
 * Reads a header. {@linkcode decodeCache} checks that its numbers fit each other.
 *
 * @throws {SyntaxError} if it is no JSON, or a field is missing or of the wrong kind
 */
export function parseCacheHeader(bytes: Uint8Array, label: string): CacheHeader {
  const object = parseJsonObject(bytes, label);
  const fields = createFields((key) => object[key], label);
  const [owner, shape] = [part(object.owner, `owner of ${label}`), part(object.shape, `shape of ${label}`)];
  return {
    dtype: text(fields, "dtype", label),
    residual_length: count(fields, "residual_length", label),
    owner: {
      name: text(owner, "name", label),
      hash: text(owner, "hash", label),
      weights: text(owner, "weights", label),
    },
    shape: {
      layerCount: count(shape, "layerCount", label),
      kvHeadCount: count(shape, "kvHeadCount", label),
      groupSize: count(shape, "groupSize", label),
      headDim: count(shape, "headDim", label),
      rotary: rotary(shape.value("rotary"), label),
      ...rotaryBeyond(shape.value("rotaryBeyond"), label),
      windows: counts(shape, "windows", label),
    },
    positions: positionMode(text(fields, "positions", label), label),
    next_rotary_position: count(fields, "next_rotary_position", label),
    rotation: rotation(text(fields, "rotation", label), label),
    recordings: list(object.recordings, "recordings", label).map((recording) => parseRecording(recording, label)),
    tokens: count(fields, "tokens", label),
    rows: counts(fields, "rows", label),
    quantized_rows: counts(fields, "quantized_rows", label),
    key_groups: counts(fields, "key_groups", label),
    value_groups: counts(fields, "value_groups", label),
    moment_counts: counts(fields, "moment_counts", label),
    gaps: pairs(object.gaps, "gaps", label),
    pins: pairs(object.pins, "pins", label),
    ...signals(fields, label),
    marks: list(object.marks, "marks", label).map((mark) => {
      const own = part(mark, `a mark of ${label}`);
      return { position: count(own, "position", label), rows: counts(own, "rows", label), ...signals(own, label) };
    }),
  };
}

function signals(fields: Fields, label: string): SignalHeader {
  return {
    lost: counts(fields, "lost", label),
    recorded_until: count(fields, "recorded_until", label),
    observed: list(fields.value("observed"), "observed", label).map((name) => {
      const known = OBSERVED_SIGNALS.find((signal) => signal === name);
      if (known === undefined) throw wrong(label, "observed", name);
      return known;
    }),
    moments: fields.integer("moments"),
  };
}

function part(value: unknown, label: string): Fields {
  if (typeof value !== "object" || value === null) throw new SyntaxError(`Cannot read ${label} as it is no object`);
  return createFields((key) => (value as Record<string, unknown>)[key], label);
}

function text(fields: Fields, key: string, label: string): string {
  const found = fields.text(key);
  if (found === undefined) throw wrong(label, key, found);
  return found;
}

function count(fields: Fields, key: string, label: string): number {
  const found = fields.integer(key);
  if (found < 0) throw wrong(label, key, found);
  return found;
}

function counts(fields: Fields, key: string, label: string): number[] {
  const found = fields.integers(key);
  if (found.some((number) => number < 0)) throw wrong(label, key, found);
  return found;
}

function list(value: unknown, key: string, label: string): unknown[] {
  if (!Array.isArray(value)) throw wrong(label, key, value);
  return value;
}

function pairs(value: unknown, key: string, label: string): [number, number][] {
  return list(value, key, label).map((pair) => {
    const [start, end] = list(pair, key, label);
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end)) throw wrong(label, key, pair);
    return [start as number, end as number];
  });
}

function rotation(rotation: string, label: string): RotaryLength {
  if (rotation !== "within" && rotation !== "beyond") throw wrong(label, "rotation", rotation);
  return rotation;
}

function rotaryBeyond(value: unknown, label: string): Pick<CacheShape, "rotaryBeyond"> {
  if (value === undefined) return {};
  const own = part(value, `rotaryBeyond of ${label}`);
  const longer = own.value("rotary");
  return {
    rotaryBeyond: {
      length: count(own, "length", label),
      ...(longer === undefined ? {} : { rotary: rotary(longer, label) }),
    },
  };
}

function rotary(value: unknown, label: string): Rotary {
  const own = part(value, `rotary of ${label}`);
  const kinds = list(own.value("kinds"), "kinds", label).map((kind) =>
    list(kind, "kinds", label).map((frequency) => {
      if (typeof frequency !== "number" || !Number.isFinite(frequency)) throw wrong(label, "kinds", kind);
      return frequency;
    })
  );
  return { kinds, layers: counts(own, "layers", label) };
}

function positionMode(mode: string, label: string): PositionMode {
  if (mode !== "logical" && mode !== "compact") throw wrong(label, "positions", mode);
  return mode;
}

function parseRecording(recording: unknown, label: string): Recording {
  if (
    recording === "all" || recording === "moments" || isChunkRecording(recording) ||
    (Number.isSafeInteger(recording) && (recording as number) > 0)
  ) return recording as Recording;
  const decay = typeof recording === "object" && recording !== null && "decay" in recording
    ? recording.decay
    : undefined;
  if (typeof decay === "number" && decay > 0 && decay <= 1) return { decay };
  throw wrong(label, "recordings", recording);
}

function wrong(label: string, key: string, value: unknown): SyntaxError {
  const state = quoted(value);
  return new SyntaxError(`Cannot read ${label} as its ${key} cannot be ${state}`);
}
