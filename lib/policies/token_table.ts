import { heldPositions } from "../numeric/held_positions.ts";
import type { Choice, Layer, Need } from "./policy.ts";

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
  const places = new Map(Array.from(positions, (position, place) => [position, place]));
  const attention = new Float64Array(positions.length);
  const novelty = new Float64Array(positions.length);
  for (const { heads } of layers) {
    for (const head of heads) {
      const received = head.signal(TOKEN_NEEDS[0]);
      const novel = head.signal(TOKEN_NEEDS[1]);
      head.positions.forEach((position, row) => {
        // Where a head holds all the tokens, as most do, a row is its token's place.
        const place = positions[row] === position ? row : places.get(position)!;
        attention[place] += received[row] / heads.length;
        novelty[place] = novel[row];
      });
    }
  }
  return { positions, attention, novelty };
}

/** The rows of every head whose token was chosen. `tokens` are indices into the table. */
export function rowsOfTokens(layers: readonly Layer[], table: TokenTable, tokens: Iterable<number>): Choice {
  const kept = new Set<number>();
  for (const token of tokens) kept.add(table.positions[token]);
  return layers.map(({ heads }) =>
    heads.map(({ positions }) => ({
      rows: Uint32Array.from(positions.keys()).filter((row) => kept.has(positions[row])),
    }))
  );
}
