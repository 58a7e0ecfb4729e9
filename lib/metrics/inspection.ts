import { Buffer } from "node:buffer";
import { tokenRetention } from "./token_retention.ts";

/** What a cache held of a text at one moment, and what the model answered from it. */
export interface InspectedFrame {
  /** Tokens read until then, evicted or not. */
  readonly tokens: number;
  /** Fraction of rows that were evicted, in [0, 1); undefined where a bound evicts while the text is read. */
  readonly compressionRatio?: number;
  /** Positions that stayed, `[layer][kv head][row]`, ascending. */
  readonly kept: readonly (readonly ArrayLike<number>[])[];
  /** Bytes of the rows that stayed. */
  readonly liveBytes?: number;
  /** The answer to the question; undefined where none was asked at this moment. */
  readonly answer?: string;
}

/** One policy on the text: a frame a ratio, or a frame every so many tokens. */
export interface InspectedTrack {
  /** The policy's name. */
  readonly policy: string;
  /** `ratio`: the text was read, then evicted from. `tokens`: a bound evicted while the text was read. */
  readonly along: "ratio" | "tokens";
  /** At least one; ascending in the ratio, or in the tokens. */
  readonly frames: readonly InspectedFrame[];
}

/** A text, what policies kept of it, and the answers: what the inspector shows. */
export interface Inspection {
  /** The model, and how its weights were held. */
  readonly model?: string;
  /** What was asked after the text. */
  readonly question?: string;
  /** The text, token by token; a token that only begins a character is empty, the one that ends it spells it. */
  readonly tokens: readonly string[];
  /** The policies, in the order in which they stand side by side. */
  readonly tracks: readonly InspectedTrack[];
  /** Sentences on what was left out. */
  readonly notes?: readonly string[];
}

/** The first field of the JSON, by which a reader knows it. */
const FORMAT = "kvmirror inspection 1";

/**
 * Writes an inspection as JSON: kept positions are bitmaps in base64, equal ones once. The inspector's page holds the
 * same text.
 *
 * @throws {RangeError} if a frame has no kv heads, other heads than the first, more tokens than the text, or positions
 * that are not ascending and below its tokens
 */
export function encodeInspection({ model, question, tokens, tracks, notes = [] }: Inspection): string {
  const numbers = new Map<string, number>();
  const shape = tracks[0]?.frames[0]?.kept.map((layer) => layer.length) ?? [];
  const numberOf = (bitmap: string): number => {
    const known = numbers.get(bitmap);
    if (known !== undefined) return known;
    numbers.set(bitmap, numbers.size);
    return numbers.size - 1;
  };
  const encoded = tracks.map(({ policy, along, frames }) => ({
    policy,
    along,
    frames: frames.map((frame) => {
      checkFrame(frame, tokens.length, shape);
      return {
        tokens: frame.tokens,
        ...(frame.compressionRatio === undefined ? {} : { compression_ratio: frame.compressionRatio }),
        ...(frame.liveBytes === undefined ? {} : { live_bytes: frame.liveBytes }),
        ...(frame.answer === undefined ? {} : { answer: frame.answer }),
        kept: frame.kept.flat().map((positions) => numberOf(encodePositions(positions, frame.tokens))),
      };
    }),
  }));
  return JSON.stringify({
    format: FORMAT,
    ...(model === undefined ? {} : { model }),
    ...(question === undefined ? {} : { question }),
    layers: shape.length,
    kv_heads: shape[0] ?? 0,
    tokens,
    tracks: encoded,
    notes,
    bitmaps: [...numbers.keys()],
  });
}

/**
 * Reads what {@linkcode encodeInspection} wrote.
 *
 * @throws {SyntaxError} if it is no such JSON, or a part is missing or of the wrong kind
 * @throws {RangeError} if a frame holds positions that the text does not have
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { encodeInspection, parseInspection } from "kvmirror";
 *
 * const frames = [{ tokens: 2, compressionRatio: 0.5, kept: [[[1]]], answer: "Rex" }];
 * const text = encodeInspection({ tokens: ["A", " dog"], tracks: [{ policy: "mine", along: "ratio", frames }] });
 * assertEquals(parseInspection(text).tracks[0].frames, frames);
 * ```
 */
export function parseInspection(text: string): Inspection {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch {
    throw new SyntaxError(
      "Cannot read the inspection as it is no JSON: deno task retention --output FILE.json makes one",
    );
  }
  if (!isObject(parsed) || parsed.format !== FORMAT) {
    throw new SyntaxError(`Cannot read the inspection as it does not begin with the format "${FORMAT}"`);
  }
  const { model, question, layers, kv_heads: heads, tokens, tracks, notes, bitmaps } = parsed;
  if (!isCount(layers) || !isCount(heads)) throw missing("layers and kv_heads, whole numbers of at least 1");
  if (!isListOf(tokens, isText) || tokens.length === 0) throw missing("tokens, a list of texts");
  if (!isListOf(bitmaps, isText)) throw missing("bitmaps, a list of texts");
  if (!isListOf(tracks, isObject) || tracks.length === 0) throw missing("tracks, a list of objects");
  const positions = bitmaps.map(decodePositions);
  const size = { layers, heads, tokens: tokens.length };
  return {
    ...(isText(model) ? { model } : {}),
    ...(isText(question) ? { question } : {}),
    tokens,
    tracks: tracks.map(({ policy, along, frames }): InspectedTrack => {
      if (!isText(policy)) throw missing("a track's policy, a text");
      if (along !== "ratio" && along !== "tokens") throw missing("a track's along, which is ratio or tokens");
      if (!isListOf(frames, isObject) || frames.length === 0) throw missing("a track's frames, a list of objects");
      return { policy, along, frames: frames.map((frame) => frameOf(frame, positions, size)) };
    }),
    ...(isListOf(notes, isText) && notes.length > 0 ? { notes } : {}),
  };
}

/** The sizes that every frame has. */
interface InspectionSize {
  readonly layers: number;
  readonly heads: number;
  readonly tokens: number;
}

function frameOf(
  { tokens, compression_ratio: ratio, live_bytes: liveBytes, answer, kept }: Readonly<Record<string, unknown>>,
  positions: readonly (readonly number[])[],
  size: InspectionSize,
): InspectedFrame {
  if (!isCount(tokens)) throw missing("a frame's tokens, a whole number of at least 1");
  if (!isListOf(kept, (one) => typeof one === "number" && Object.hasOwn(positions, one))) {
    throw missing("a frame's kept bitmaps, by their places");
  }
  if (kept.length !== size.layers * size.heads) {
    throw new SyntaxError(
      `Cannot read the inspection as a frame has ${kept.length} bitmaps: ${size.layers} layers of ${size.heads} kv heads need one each`,
    );
  }
  const rows = kept.map((place) => positions[place]);
  const frame: InspectedFrame = {
    tokens,
    ...(typeof ratio === "number" ? { compressionRatio: ratio } : {}),
    kept: Array.from({ length: size.layers }, (_, layer) => rows.slice(layer * size.heads, (layer + 1) * size.heads)),
    ...(typeof liveBytes === "number" ? { liveBytes } : {}),
    ...(isText(answer) ? { answer } : {}),
  };
  checkFrame(frame, size.tokens, frame.kept.map((layer) => layer.length));
  return frame;
}

/** Checks that a frame holds positions of the text, in the heads that all frames have. */
function checkFrame(
  { tokens, kept, compressionRatio }: InspectedFrame,
  length: number,
  shape: readonly number[],
): void {
  if (!(Number.isSafeInteger(tokens) && tokens > 0 && tokens <= length)) {
    throw new RangeError(`Cannot inspect a cache of ${tokens} tokens as the text has ${length}`);
  }
  if (compressionRatio !== undefined && !(compressionRatio >= 0 && compressionRatio < 1)) {
    throw new RangeError(`Cannot inspect a ratio of ${compressionRatio} as it must be in [0, 1)`);
  }
  const own = kept.map((layer) => layer.length);
  if (own.length !== shape.length || own.some((heads, layer) => heads !== shape[layer] || heads !== shape[0])) {
    throw new RangeError(
      `Cannot inspect caches of ${own.join(", ")} kv heads a layer beside those of ${
        shape.join(", ")
      }: all must be alike`,
    );
  }
  tokenRetention(kept, tokens);
}

/** Positions as base64: bit p % 8 of byte p / 8 is the row at position p. */
function encodePositions(positions: ArrayLike<number>, tokens: number): string {
  const bits = new Uint8Array(Math.ceil(tokens / 8));
  for (let row = 0; row < positions.length; row++) bits[positions[row] >> 3] |= 1 << (positions[row] & 7);
  return Buffer.from(bits).toString("base64");
}

function decodePositions(base64: string): number[] {
  const positions: number[] = [];
  Buffer.from(base64, "base64").forEach((byte, index) => {
    for (let bit = 0; bit < 8; bit++) if (byte & (1 << bit)) positions.push(8 * index + bit);
  });
  return positions;
}

function missing(what: string): SyntaxError {
  return new SyntaxError(`Cannot read the inspection as it lacks ${what}`);
}

const isText = (value: unknown): value is string => typeof value === "string";
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isListOf<Value>(value: unknown, isOne: (entry: unknown) => entry is Value): value is Value[];
function isListOf(value: unknown, isOne: (entry: unknown) => boolean): value is number[];
function isListOf(value: unknown, isOne: (entry: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isOne);
}
