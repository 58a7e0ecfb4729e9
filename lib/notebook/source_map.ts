import type { Place } from "./cell_failure.ts";

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/**
 * The place in the source that a place in the generated text comes from, by the `mappings` of a source map (revision 3,
 * https://tc39.es/ecma426/); `undefined` where the map has none.
 */
export function originalPlace(mappings: string, { line, column }: Place): Place | undefined {
  let sourceLine = 0;
  let sourceColumn = 0;
  let found: Place | undefined;
  for (const [index, text] of mappings.split(";").slice(0, line).entries()) {
    let generatedColumn = 0;
    for (const segment of text.split(",").filter((segment) => segment !== "")) {
      const [columns, , lines, sourceColumns] = decodeNumbers(segment);
      generatedColumn += columns;
      if (lines === undefined) continue;
      sourceLine += lines;
      sourceColumn += sourceColumns;
      const before = generatedColumn <= column - 1 || found === undefined;
      if (index === line - 1 && before) found = { line: sourceLine + 1, column: sourceColumn + 1 };
    }
  }
  return found;
}

/** Base64 VLQ: six bits a digit, the lowest five first; the highest bit says that more follow, the lowest is the sign. */
function decodeNumbers(segment: string): number[] {
  const numbers: number[] = [];
  let value = 0;
  let shift = 0;
  for (const letter of segment) {
    const digit = DIGITS.indexOf(letter);
    value += (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    numbers.push(value & 1 ? -(value >> 1) : value >> 1);
    value = shift = 0;
  }
  return numbers;
}
