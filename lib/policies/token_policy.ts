import { heldPositions } from "../numeric/held_positions.ts";
import { topK } from "../numeric/top_k.ts";
import type { Vector } from "../numeric/vectors.ts";
import { headRows } from "./budget.ts";
import { everyRow } from "./define_policy.ts";
import { checkCounts, checkNumbers, type OptionsOf, withDefaults } from "./options.ts";
import type { Budget, Choice, Layer, Policy, Signal } from "./policy.ts";

/** The original KVMirror's own numbers (github.com/0xAshraFF/KVMirror), for a policy that is given one of them. */
const ORIGINAL_NUMBERS = { windowSize: 256, topk: 96, sinkTokens: 16 } as const;

/** Options of the original's policies. Given `windowSize` or `topk`, a policy keeps to them and not to a budget. */
export const TOKEN_POLICY_OPTIONS = {
  /** The newest tokens that stay. */
  windowSize: "by the budget",
  /** The highest-ranked tokens that stay. */
  topk: "by the budget",
  /** The first tokens of the text, which always stay. */
  sinkTokens: ORIGINAL_NUMBERS.sinkTokens,
} as const;

/** Options of the original's policies. */
export type TokenPolicyOptions = OptionsOf<typeof TOKEN_POLICY_OPTIONS>;

/** A way to rank tokens: the difference between one token policy and another. */
export interface TokenRanking {
  readonly name: string;
  /** Share of the budget, after the sinks, that goes to the newest tokens: `[numerator, denominator]`. */
  readonly recentShare: readonly [number, number];
  /** Ranks tokens, highest first; equal ranks fall back to `tieBreak`, then to the earlier token. */
  rank(table: TokenTable): { readonly scores: Vector; readonly tieBreak: Vector | Int32Array };
}

/**
 * Makes a policy that ranks tokens and keeps the same ones in every head. With its own numbers it keeps
 * sinks ∪ newest ∪ top-k of all tokens, as the original does; with a budget, the sinks, the newest, and the highest of
 * the tokens not yet kept.
 *
 * @throws {RangeError} if a number is negative or no whole number
 */
export function tokenPolicy(ranking: TokenRanking, options: TokenPolicyOptions): Policy {
  checkNumbers(ranking.name, options, TOKEN_POLICY_OPTIONS);
  checkCounts(ranking.name, { ...options });
  return {
    name: ranking.name,
    signals: TOKEN_SIGNALS,
    ...(hasOwnNumbers(options) ? { size: "own" as const } : {}),
    choose: (layers, budget) => chooseTokens(ranking, options, layers, budget),
  };
}

function hasOwnNumbers({ windowSize, topk }: TokenPolicyOptions): boolean {
  return windowSize !== undefined || topk !== undefined;
}

function chooseTokens(
  ranking: TokenRanking,
  options: TokenPolicyOptions,
  layers: readonly Layer[],
  budget: Budget,
): Choice {
  const table = tokenTable(layers);
  if (hasOwnNumbers(options)) return rowsOfTokens(layers, table, unionOfParts(ranking, options, table));
  if (budget.ratio === 0) return everyRow(layers);
  return rowsOfTokens(layers, table, withinBudget(ranking, options, table, layers, budget));
}

function unionOfParts(ranking: TokenRanking, options: TokenPolicyOptions, table: TokenTable): Set<number> {
  const { windowSize, topk, sinkTokens } = withDefaults(ranking.name, ORIGINAL_NUMBERS, options);
  const [share, whole] = ranking.recentShare;
  const count = table.positions.length;
  const kept = new Set<number>(sinks(table, sinkTokens));
  if (share > 0) { for (let token = Math.max(0, count - windowSize); token < count; token++) kept.add(token); }
  if (share < whole) {
    const { scores, tieBreak } = ranking.rank(table);
    for (const token of topK(scores, topk, tieBreak)) kept.add(token);
  }
  return kept;
}

function withinBudget(
  ranking: TokenRanking,
  options: TokenPolicyOptions,
  table: TokenTable,
  layers: readonly Layer[],
  budget: Budget,
): Set<number> {
  const count = table.positions.length;
  const longest = Math.max(...layers.flatMap(({ heads }) => heads.map(({ positions }) => positions.length)));
  const target = headRows(budget, count, longest);
  const first = sinks(table, options.sinkTokens ?? ORIGINAL_NUMBERS.sinkTokens);
  if (target <= first.length) return new Set(first.slice(0, target));
  const kept = new Set<number>(first);
  const [share, whole] = ranking.recentShare;
  const recent = Math.floor((share * (target - first.length)) / whole);
  for (let token = count - recent; token < count; token++) kept.add(token);
  if (kept.size < target) {
    const rest = Uint32Array.from({ length: count - recent - first.length }, (_, index) => first.length + index);
    const { scores, tieBreak } = ranking.rank(table);
    const of = (column: Vector | Int32Array) => Float64Array.from(rest, (token) => column[token]);
    for (const index of topK(of(scores), target - kept.size, of(tieBreak))) kept.add(rest[index]);
  }
  return kept;
}

/** Tokens at positions below `sinkTokens`: they stand first in the table. */
function sinks(table: TokenTable, sinkTokens: number): number[] {
  const end = table.positions.findIndex((position) => position >= sinkTokens);
  return [...Array(end < 0 ? table.positions.length : end).keys()];
}

/** The signals of the policies that rank tokens: attention from the newest query, and novelty. */
const TOKEN_SIGNALS: readonly Signal[] = [{ attention: "sum", queries: 1 }, "novelty"];

/** The cache seen as tokens rather than rows: each column is `[tokens]`, positions ascending. */
export interface TokenTable {
  readonly positions: Int32Array;
  /** Sum over the layers of the mean over the heads. */
  readonly attention: Vector;
  readonly novelty: Vector;
}

/** Gathers the tokens that any head still holds; a head that dropped a token adds no attention to it. */
function tokenTable(layers: readonly Layer[]): TokenTable {
  const all = layers.flatMap(({ heads }) => heads);
  if (all.length === 1) {
    // Its own columns, as they are: a synthetic sequence of a million tokens is not copied.
    const [head] = all;
    return {
      positions: head.positions,
      attention: head.signal(TOKEN_SIGNALS[0]),
      novelty: head.signal(TOKEN_SIGNALS[1]),
    };
  }
  const positions = heldPositions(all);
  const attention = new Float64Array(positions.length);
  const novelty = new Float64Array(positions.length);
  for (const { heads } of layers) {
    for (const head of heads) {
      const received = head.signal(TOKEN_SIGNALS[0]);
      const novel = head.signal(TOKEN_SIGNALS[1]);
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
    const token = indexOf(positions, held[row], row);
    attention[token] += received[row] / headCount;
    novelty[token] = novel[row];
  }
}

/** The rows of every head whose token was chosen. `tokens` are indices into the table. */
function rowsOfTokens(layers: readonly Layer[], table: TokenTable, tokens: ReadonlySet<number>): Choice {
  const kept = Uint32Array.from(tokens).sort();
  return layers.map(({ heads }) =>
    heads.map(({ positions }) => {
      const rows = new Uint32Array(kept.length);
      let count = 0;
      for (const token of kept) {
        const row = indexOf(positions, table.positions[token], token);
        if (positions[row] === table.positions[token]) rows[count++] = row;
      }
      return { rows: rows.slice(0, count) };
    })
  );
}

/** The index of a position, if it is among them; `guess` is right where a head holds all tokens, as most do. */
function indexOf(positions: Int32Array, position: number, guess: number): number {
  if (positions[guess] === position) return guess;
  let [low, high] = [0, positions.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (positions[middle] < position) low = middle + 1;
    else high = middle;
  }
  return low;
}
