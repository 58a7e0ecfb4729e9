import { heldPositions } from "../numeric/held_positions.ts";
import type { Choice, Layer, Need, Vector } from "./policy.ts";

/** The signals of the policies that rank tokens: attention from the newest query, and novelty. */
export const TOKEN_NEEDS: readonly Need[] = [{ attention: "sum", queries: 1 }, "novelty"];

/** The cache seen as tokens rather than rows: each column is `[tokens]`, positions ascending. */
export interface TokenTable {
  readonly positions: Int32Array;
  /** Sum over the layers of the mean over the heads. */
  readonly attention: Vector;
  readonly novelty: Vector;
}

/** Gathers the tokens that any head still holds; a head that dropped a token adds no attention to it. */
export function tokenTable(layers: readonly Layer[]): TokenTable {
  const all = layers.flatMap(({ heads }) => heads);
  if (all.length === 1) {
    // Its own columns, as they are: a synthetic sequence of a million tokens is not copied.
    const [head] = all;
    return {
      positions: head.positions,
      attention: head.signal(TOKEN_NEEDS[0]),
      novelty: head.signal(TOKEN_NEEDS[1]),
    };
  }
  const positions = heldPositions(all);
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

/** Columns that are still being summed up. */
interface Sums extends TokenTable {
  readonly attention: Float64Array;
  readonly novelty: Float64Array;
}

/** Adds one head's share to the columns. A loop of its own, whose arrays the compiler knows. */
function addHead(
  { positions, attention, novelty }: Sums,
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
export function rowsOfTokens(layers: readonly Layer[], table: TokenTable, tokens: ReadonlySet<number>): Choice {
  const kept = Uint32Array.from(tokens).sort();
  return layers.map(({ heads }) =>
    heads.map(({ positions }) => {
      const rows = new Uint32Array(kept.length);
      let count = 0;
      for (const token of kept) {
        const row = placeOf(positions, table.positions[token], token);
        if (positions[row] === table.positions[token]) rows[count++] = row;
      }
      return { rows: rows.slice(0, count) };
    })
  );
}

/** The place of a position, if it is among them; `guess` is right where a head holds all tokens, as most do. */
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
