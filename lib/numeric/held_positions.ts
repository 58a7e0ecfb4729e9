/** Positions that any of these heads holds, ascending: as many as there are, however long the text was. */
export function heldPositions(heads: readonly { readonly positions: Int32Array }[]): Int32Array {
  const [first = new Int32Array(0), ...others] = heads.map(({ positions }) => positions);
  const same = others.every((own) =>
    own.length === first.length && own.every((position, row) => position === first[row])
  );
  if (same) return first;
  const held = new Set(first);
  for (const own of others) for (const position of own) held.add(position);
  return Int32Array.from(held).sort();
}
