import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";

/** How a cache stores the numbers of a key or value vector. */
export type ElementDtype = "f32" | "f16" | "int8" | "int4";

/**
 * The numbers that share a scale. `row`: all numbers of one row. `channel`: one dimension of rows quantized together,
 * {@linkcode GROUP_ROWS} at most, as in KIVI's keys (Liu et al. 2024, https://arxiv.org/abs/2402.02750).
 */
export type Granularity = "row" | "channel";

/** How a cache stores keys, or values. Floats have no scales: their granularity means nothing. */
export interface VectorFormat {
  /** How each number is stored. */
  readonly dtype: ElementDtype;
  /** The numbers that share a scale. */
  readonly granularity: Granularity;
}

/** How a cache stores its rows: its quantization. */
export interface CacheDtype {
  /** Keys, after rotation. */
  readonly keys: VectorFormat;
  /** Values. */
  readonly values: VectorFormat;
  /** The newest rows of each head, which stay float32. */
  readonly residualLength: number;
}

/** Rows of one channel that share a scale and a min: at head_dim 64 they take the bytes of a scale and a min a row. */
export const GROUP_ROWS = 64;

/** The residual length of {@linkcode parseCacheDtype} where none is given, in rows. */
export const DEFAULT_RESIDUAL_LENGTH = 32;

/** All element dtypes. */
export const ELEMENT_DTYPES: readonly ElementDtype[] = ["f32", "f16", "int8", "int4"];

/** The cache dtype of an unquantized cache. */
export const FLOAT32_CACHE: CacheDtype = {
  keys: { dtype: "f32", granularity: "row" },
  values: { dtype: "f32", granularity: "row" },
  residualLength: 0,
};

/**
 * Reads a cache dtype: one dtype for keys and values, or one for each, `keys/values`. A dtype with `:channel` has the
 * rows of a channel share scales.
 *
 * @param residualLength the newest rows of each head, which stay float32
 * @throws {SyntaxError} if a part is no dtype, or the granularity is unknown
 * @throws {RangeError} if the residual length is no whole number of at least 0
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseCacheDtype, cacheDtypeName } from "kvmirror/engine";
 *
 * const kivi = parseCacheDtype("int4:channel/int4", 128);
 * assertEquals(kivi.keys, { dtype: "int4", granularity: "channel" });
 * assertEquals(cacheDtypeName(kivi), "int4:channel/int4");
 * ```
 */
export function parseCacheDtype(text: string, residualLength: number = DEFAULT_RESIDUAL_LENGTH): CacheDtype {
  const [keys, values = keys, ...more] = text.split("/");
  if (more.length > 0) throw wrong(text, "it has more than two parts");
  checkResidualLength(residualLength);
  return { keys: vectorFormat(keys, text), values: vectorFormat(values, text), residualLength };
}

const CACHE_DTYPE: OptionNames<CacheDtype> = { keys: true, values: true, residualLength: true };
const VECTOR_FORMAT: OptionNames<VectorFormat> = { dtype: true, granularity: true };

/**
 * Refuses what is no cache dtype, such as its name.
 *
 * @throws {TypeError} if a name is not one it has
 * @throws {SyntaxError} if a dtype or a granularity is unknown
 * @throws {RangeError} if the residual length is no whole number of at least 0
 */
export function checkCacheDtype(cacheDtype: CacheDtype): void {
  if (typeof cacheDtype === "string") {
    const given = JSON.stringify(cacheDtype);
    throw new TypeError(`Cannot hold rows as ${given} as it is a text: read it with parseCacheDtype(${given})`);
  }
  checkOptions("a cache dtype", cacheDtype, CACHE_DTYPE);
  for (const part of ["keys", "values"] as const) {
    checkOptions(`${part} of a cache dtype`, cacheDtype[part], VECTOR_FORMAT);
    const { dtype, granularity } = cacheDtype[part];
    vectorFormat(`${dtype}:${granularity}`.replace(/^(f32|f16):.*/, "$1"), `${dtype}:${granularity}`);
  }
  checkResidualLength(cacheDtype.residualLength);
}

function checkResidualLength(residualLength: number): void {
  if (Number.isSafeInteger(residualLength) && residualLength >= 0) return;
  throw new RangeError(
    `Cannot keep the newest ${residualLength} rows as they are as it must be a whole number of at least 0`,
  );
}

/** The text that {@linkcode parseCacheDtype} reads, without the residual length. */
export function cacheDtypeName({ keys, values }: CacheDtype): string {
  const [one, other] = [vectorFormatName(keys), vectorFormatName(values)];
  return one === other ? one : `${one}/${other}`;
}

/** Whether no row is quantized. */
export function isFloat32({ keys, values }: CacheDtype): boolean {
  return keys.dtype === "f32" && values.dtype === "f32";
}

/** Float32 rows older than the residual length, due to be quantized; where channels share scales, whole groups only. */
export function agedRows(rows: number, { keys, values, residualLength }: CacheDtype): number {
  const count = Math.max(0, rows - residualLength);
  const grouped = keys.granularity === "channel" || values.granularity === "channel";
  return grouped ? count - (count % GROUP_ROWS) : count;
}

function vectorFormatName({ dtype, granularity }: VectorFormat): string {
  return granularity === "row" ? dtype : `${dtype}:${granularity}`;
}

function vectorFormat(part: string, text: string): VectorFormat {
  const [name, granularity = "row", ...more] = part.split(":");
  const dtype = ELEMENT_DTYPES.find((known) => known === name);
  if (dtype === undefined || more.length > 0) throw wrong(text, `${part} is none of ${ELEMENT_DTYPES.join(", ")}`);
  if (granularity !== "row" && granularity !== "channel") {
    throw wrong(text, `${granularity} is neither row nor channel`);
  }
  if (granularity === "channel" && !dtype.startsWith("int")) throw wrong(text, `${dtype} has no scales to share`);
  return { dtype, granularity };
}

function wrong(text: string, why: string): SyntaxError {
  return new SyntaxError(
    `Cannot hold rows as ${text} as ${why}: write a dtype, or one for keys and one for values, as in int4:channel/int8`,
  );
}
