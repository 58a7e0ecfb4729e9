import { tokenRetention } from "./token_retention.ts";

/** Which tokens of a text survived a run, and where: what `deno task compress --json` prints, and may be made by hand. */
export interface RetentionRecord {
  /** Who chose; undefined where the record does not say. */
  readonly policy?: string;
  /** Fraction of rows that were to be evicted; undefined where the record does not say. */
  readonly compressionRatio?: number;
  /** What the model said next; undefined where the record does not say. */
  readonly answer?: string;
  /** Bytes of the rows that stayed; undefined where the record does not say. */
  readonly liveBytes?: number;
  /** The text, token by token; a token that only begins a character is empty, the one that ends it spells it. */
  readonly tokens: readonly string[];
  /** Positions that stayed, `[layer][kv head][row]`. */
  readonly kept: readonly (readonly (readonly number[])[])[];
  /** Share of kv heads that hold each token, `[tokens]`. */
  readonly retention: Float64Array;
}

/** The fields of a record, as `deno task compress --json` names them. */
type RecordField = "policy" | "tokens" | "kept" | "compression_ratio" | "text" | "live_bytes";

/**
 * Reads a run's record; fields that it does not know are left alone.
 *
 * @throws {SyntaxError} if it is no JSON, or `tokens` or `kept` is missing or of the wrong kind
 * @throws {RangeError} if there are no tokens or kv heads, or positions are not ascending and below the tokens
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseRetentionRecord } from "kvmirror";
 *
 * const { retention } = parseRetentionRecord('{"tokens": ["A", " dog"], "kept": [[[0, 1], [1]]]}');
 * assertEquals([...retention], [0.5, 1]);
 * ```
 */
export function parseRetentionRecord(text: string): RetentionRecord {
  let record: Readonly<Partial<Record<RecordField, unknown>>> | null;
  try {
    record = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch {
    throw new SyntaxError("Cannot read the record as it is no JSON: deno task compress --json makes one");
  }
  const { policy, tokens, kept, compression_ratio: ratio, text: answer, live_bytes: liveBytes } = record ?? {};
  if (!isListOf(tokens, (token) => typeof token === "string")) {
    throw new SyntaxError(
      "Cannot read the record as it has no tokens, a list of texts: deno task compress --json makes one",
    );
  }
  if (!isListOf(kept, (layer) => isListOf(layer, (head) => isListOf(head, (row) => typeof row === "number")))) {
    throw new SyntaxError(
      "Cannot read the record as it has no kept positions, [layer][kv head][row]: deno task compress --json makes one",
    );
  }
  if (tokens.length === 0) throw new RangeError("Cannot read the record as it has 0 tokens: give a text");
  const positions = kept as RetentionRecord["kept"];
  return {
    ...(typeof policy === "string" ? { policy } : {}),
    ...(typeof ratio === "number" && ratio >= 0 && ratio < 1 ? { compressionRatio: ratio } : {}),
    ...(typeof answer === "string" ? { answer } : {}),
    ...(typeof liveBytes === "number" ? { liveBytes } : {}),
    tokens: tokens as string[],
    kept: positions,
    retention: tokenRetention(positions, tokens.length),
  };
}

function isListOf(value: unknown, isOne: (entry: unknown) => boolean): value is unknown[] {
  return Array.isArray(value) && value.every(isOne);
}
