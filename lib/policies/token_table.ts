import { heldPositions } from "../numeric/held_positions.ts";
import type { Choice, Layer, Need, Vector } from "./policy.ts";

/** The signals of the policies that rank tokens: attention from the newest query, and novelty. */
export const TOKEN_NEEDS: readonly Need[] = [{ attention: "sum", queries: 1 }, "novelty"];

/** The cache seen as tokens rather than rows: each column is `[tokens]`, positions ascending. */
export interface TokenTable {
  readonly positions: Int32Array;
  /** Sum over the layers of the mean over the heads. */
  readonly attention: Float64Array;
  readonly novelty: Float64Array;
}

/** Gathers the tokens that any head still holds; a head that dropped a token adds no attention to it. */
export function tokenTable(layers: readonly Layer[]): TokenTable {
  const positions = heldPositions(layers.flatMap(({ heads }) => heads));
  const attention = new Float64Array(positions.length);
  const novelty = new Float64Array(positions.length);
  for (const { heads } of layers) {
    for (const head of heads) {
      const received = head.signal(TOKEN_NEEDS[0]);
      const novel = head.signal(TOKEN_NEEDS[1]);
      addHead({ positions, attention, novelty }, head.positions, received, novel, heads.length);
    }
  }
  return { positions, attention, novelty };
}

/** Adds one head's share to the columns. A loop of its own, whose arrays the compiler knows. */
function addHead(
  { positions, attention, novelty }: TokenTable,
  held: Int32Array,
  received: Vector,
  novel: Vector,
  headCount: number,
): void {
  for (let row = 0; row < held.length; row++) {
    const place = placeOf(positions, held[row], row);
    attention[place] += received[row] / headCount;
    novelty[place] = novel[row];
  }
}

/** The rows of every head whose token was chosen. `tokens` are indices into the table. */
export function rowsOfTokens(layers: readonly Layer[], table: TokenTable, tokens: Iterable<number>): Choice {
  const kept = new Uint8Array(table.positions.length);
  for (const token of tokens) kept[token] = 1;
  return layers.map(({ heads }) =>
    heads.map(({ positions }) => {
      const rows = new Uint32Array(positions.length);
      let count = 0;
      for (let row = 0; row < positions.length; row++) {
        if (kept[placeOf(table.positions, positions[row], row)] === 1) rows[count++] = row;
      }
      return { rows: rows.slice(0, count) };
    })
  );
}

/** The place of a position that is among them; `guess` is right where a head holds all tokens, as most do. */
function placeOf(positions: Int32Array, position: number, guess: number): number {
  if (positions[guess] === position) return guess;
  let [low, high] = [0, positions.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (positions[middle] < position) low = middle + 1;
    else high = middle;
  }
  return low;
}
