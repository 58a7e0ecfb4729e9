import { roundedBytes } from "../engine/row_bytes.ts";
import type { RowFormat } from "../engine/row_format.ts";
import { tokenBytes } from "../engine/token_bytes.ts";
import type { CacheShape } from "../engine/mod.ts";
import { keptRows } from "../policies/budget.ts";

/**
 * The fraction of rows that has to go for a text to fit: 0 where it fits as it is.
 *
 * @param format how rows are held; the newest stay float32
 * @throws {RangeError} if not even one token fits
 */
export function ratioFor(maxBytes: number, context: number, shape: CacheShape, format: RowFormat): number {
  const token = tokenBytes(shape);
  if (maxBytes < token) {
    throw new RangeError(
      `Cannot keep a text in ${maxBytes} bytes as one token takes ${token}: give more memory, or a smaller model`,
    );
  }
  const heads = shape.layerCount * shape.kvHeadCount;
  let rows = context;
  while (rows > 0 && heads * roundedBytes(rows, format, shape.headDim) > maxBytes) rows--;
  if (rows >= context) return 0;
  // Four digits where these leave just as many rows, else a ratio in the middle of those that do.
  const digits = Math.ceil((1 - rows / context) * 1e4);
  const short = [digits / 1e4, (digits - 1) / 1e4].find((ratio) => keptRows(context, ratio) === rows);
  return short ?? 1 - (rows + 0.5) / context;
}
