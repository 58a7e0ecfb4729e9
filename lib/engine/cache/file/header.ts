import { createFields, type Fields } from "../../../files/fields.ts";
import { parseJsonObject } from "../../../files/json_object.ts";
import type { CacheOwner, CacheShape } from "../../rows/cache_shape.ts";
import type { PositionMode } from "../../rows/rotary_positions.ts";
import { OBSERVED_NEEDS, type ObservedNeed, type Tap } from "../../signals/signals.ts";

/** What signals were at one moment, without their numbers. */
export interface SignalHeader {
  /** Places among the taps of what is no longer known. */
  readonly lost: readonly number[];
  readonly recorded_until: number;
  readonly observed: readonly ObservedNeed[];
  /** Place among the file's query moments, or -1. */
  readonly moments: number;
}

/** The beginning of a cache file, as JSON: all that is no long list of numbers. */
export interface CacheHeader extends SignalHeader {
  /** How rows that left the window are held, as {@linkcode rowFormatName} names it. */
  readonly dtype: string;
  readonly window: number;
  readonly owner: CacheOwner;
  readonly shape: CacheShape;
  readonly positions: PositionMode;
  /** What the cache records, in order; moments, if it does, last. */
  readonly taps: readonly Tap[];
  readonly tokens: number;
  /** Rows of each head. */
  readonly rows: readonly number[];
  /** Those of them that are packed, and their groups of keys and values by channel. */
  readonly packed_rows: readonly number[];
  readonly key_groups: readonly number[];
  readonly value_groups: readonly number[];
  /** Queries that each of the file's query moments counted. */
  readonly moment_counts: readonly number[];
  readonly gaps: readonly (readonly [number, number])[];
  readonly pins: readonly (readonly [number, number])[];
  readonly marks: readonly (SignalHeader & { readonly position: number; readonly rows: readonly number[] })[];
}

/**
 * Reads a header. That its numbers fit each other is for the reader of the rows to check.
 *
 * @throws {SyntaxError} if it is no JSON, or a field is missing or of the wrong kind
 */
export function parseCacheHeader(bytes: Uint8Array, place: string): CacheHeader {
  const object = parseJsonObject(bytes, place);
  const fields = createFields((key) => object[key], place);
  const [owner, shape] = [part(object.owner, `owner of ${place}`), part(object.shape, `shape of ${place}`)];
  return {
    dtype: text(fields, "dtype", place),
    window: count(fields, "window", place),
    owner: {
      name: text(owner, "name", place),
      hash: text(owner, "hash", place),
      weights: text(owner, "weights", place),
    },
    shape: {
      layerCount: count(shape, "layerCount", place),
      kvHeadCount: count(shape, "kvHeadCount", place),
      groupSize: count(shape, "groupSize", place),
      headDim: count(shape, "headDim", place),
      ropeTheta: shape.number("ropeTheta"),
    },
    positions: positionMode(text(fields, "positions", place), place),
    taps: list(object.taps, "taps", place).map((tap) => parseTap(tap, place)),
    tokens: count(fields, "tokens", place),
    rows: counts(fields, "rows", place),
    packed_rows: counts(fields, "packed_rows", place),
    key_groups: counts(fields, "key_groups", place),
    value_groups: counts(fields, "value_groups", place),
    moment_counts: counts(fields, "moment_counts", place),
    gaps: pairs(object.gaps, "gaps", place),
    pins: pairs(object.pins, "pins", place),
    ...signals(fields, place),
    marks: list(object.marks, "marks", place).map((mark) => {
      const own = part(mark, `a mark of ${place}`);
      return { position: count(own, "position", place), rows: counts(own, "rows", place), ...signals(own, place) };
    }),
  };
}

function signals(fields: Fields, place: string): SignalHeader {
  return {
    lost: counts(fields, "lost", place),
    recorded_until: count(fields, "recorded_until", place),
    observed: list(fields.value("observed"), "observed", place).map((name) => {
      const known = OBSERVED_NEEDS.find((need) => need === name);
      if (known === undefined) throw wrong(place, "observed", name);
      return known;
    }),
    moments: fields.integer("moments"),
  };
}

function part(value: unknown, place: string): Fields {
  if (typeof value !== "object" || value === null) throw new SyntaxError(`Cannot read ${place} as it is no object`);
  return createFields((key) => (value as Record<string, unknown>)[key], place);
}

function text(fields: Fields, key: string, place: string): string {
  const found = fields.text(key);
  if (found === undefined) throw wrong(place, key, found);
  return found;
}

function count(fields: Fields, key: string, place: string): number {
  const found = fields.integer(key);
  if (found < 0) throw wrong(place, key, found);
  return found;
}

function counts(fields: Fields, key: string, place: string): number[] {
  const found = fields.integers(key);
  if (found.some((number) => number < 0)) throw wrong(place, key, found);
  return found;
}

function list(value: unknown, key: string, place: string): unknown[] {
  if (!Array.isArray(value)) throw wrong(place, key, value);
  return value;
}

function pairs(value: unknown, key: string, place: string): [number, number][] {
  return list(value, key, place).map((pair) => {
    const [start, end] = list(pair, key, place);
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end)) throw wrong(place, key, pair);
    return [start as number, end as number];
  });
}

function positionMode(mode: string, place: string): PositionMode {
  if (mode !== "logical" && mode !== "compact") throw wrong(place, "positions", mode);
  return mode;
}

function parseTap(tap: unknown, place: string): Tap {
  if (tap === "all" || tap === "moments" || (Number.isSafeInteger(tap) && (tap as number) > 0)) return tap as Tap;
  const decay = typeof tap === "object" && tap !== null && "decay" in tap ? tap.decay : undefined;
  if (typeof decay === "number" && decay > 0 && decay <= 1) return { decay };
  throw wrong(place, "taps", tap);
}

function wrong(place: string, key: string, value: unknown): SyntaxError {
  return new SyntaxError(`Cannot read ${place} as its ${key} cannot be ${JSON.stringify(value)?.slice(0, 80)}`);
}
