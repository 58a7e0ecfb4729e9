import type { Choice, Layer } from "../policies/policy.ts";

/**
 * Checks that chosen rows are ascending, unique and in range, one choice a head.
 *
 * @throws {RangeError} naming who chose, the layer, the head and the row
 */
export function checkChoice(choice: Choice, layers: readonly Layer[], by: string): void {
  if (choice.length !== layers.length) {
    throw new RangeError(`Cannot keep the rows of ${by} as it chose for ${choice.length} layers of ${layers.length}`);
  }
  layers.forEach(({ heads }, layer) => {
    if (choice[layer].length !== heads.length) {
      throw new RangeError(
        `Cannot keep the rows of ${by} as it chose for ${
          choice[layer].length
        } kv heads of ${heads.length}: layer ${layer}`,
      );
    }
    heads.forEach(({ positions }, kvHead) => {
      const { rows } = choice[layer][kvHead];
      const place = `${by}, layer ${layer}, kv head ${kvHead}`;
      for (let index = 0; index < rows.length; index++) {
        const row = rows[index];
        if (!(row >= 0 && row < positions.length)) {
          throw new RangeError(`Cannot keep row ${row} as there are ${positions.length} rows: ${place}`);
        }
        if (index > 0 && row <= rows[index - 1]) {
          throw new RangeError(`Cannot keep row ${row} after row ${rows[index - 1]} as rows must ascend: ${place}`);
        }
      }
    });
  });
}
