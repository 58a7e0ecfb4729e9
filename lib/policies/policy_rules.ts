import { headRows } from "./budget.ts";
import type { Budget, Choice, Layer, Protection } from "./policy.ts";

/** What a policy promises its runners. */
export type PolicyRule =
  /** It reads no signal but those that it says it needs. */
  | "signals"
  /** It does not write into the signals. */
  | "writes"
  /** It gives a choice, and no error. */
  | "choice"
  /** Rows are in range, ascending and unique, one choice a head. */
  | "rows"
  /** It keeps as many rows as the budget gives, and all at ratio 0. */
  | "budget"
  /** Protected rows stay where there is room for them. */
  | "protection"
  /** The same cache and budget give the same rows, whatever came before. */
  | "determinism";

/** Who shares a budget: each head has its own, a layer's heads share theirs, all of the model do, or nobody has one. */
export type BudgetShare = "head" | "layer" | "model" | "none";

/** Where something was wrong. */
export interface RowLocation {
  readonly layer?: number;
  readonly kvHead?: number;
  readonly row?: number;
}

/** Notes that a promise was not kept. */
export type Report = (rule: PolicyRule, what: string, location?: RowLocation) => void;

/** What is wrong with the rows of a choice: they must ascend, be unique and in range, one choice a head. */
function* wrongRows(
  choice: Choice,
  layers: readonly Layer[],
): Generator<[what: string, place: RowLocation], void, undefined> {
  if (!Array.isArray(choice) || !choice.every((heads) => Array.isArray(heads))) {
    yield ["Cannot keep rows as a choice is a list of layers, each a list of its kv heads' rows", {}];
    return;
  }
  if (choice.length !== layers.length) {
    yield [`Cannot keep rows of ${choice.length} layers of ${layers.length}`, {}];
    return;
  }
  for (const [layer, { heads }] of layers.entries()) {
    if (choice[layer].length !== heads.length) {
      yield [`Cannot keep rows of ${choice[layer].length} kv heads of ${heads.length}`, { layer }];
      continue;
    }
    for (const [kvHead, { positions }] of heads.entries()) {
      const rows: unknown = choice[layer][kvHead]?.rows;
      if (!(rows instanceof Uint32Array)) {
        yield [`Cannot keep rows by ${typeof rows} as a kv head's choice is { rows: Uint32Array }`, { layer, kvHead }];
        continue;
      }
      const wrong = wrongRow(rows, positions.length);
      if (wrong !== undefined) yield [wrong[0], { layer, kvHead, row: wrong[1] }];
    }
  }
}

/** What is wrong with the first wrong row of a head that has `count` rows. */
function wrongRow(rows: Uint32Array, count: number): [what: string, row: number] | undefined {
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index];
    if (!(row >= 0 && row < count)) return [`Cannot keep row ${row} as there are ${count} rows`, row];
    if (index > 0 && row <= rows[index - 1]) {
      return [`Cannot keep row ${row} after row ${rows[index - 1]} as rows must ascend`, row];
    }
  }
}

/**
 * Checks that chosen rows ascend, are unique and in range, one choice a head.
 *
 * @throws {RangeError} naming who chose, the layer, the head and the row
 */
export function checkChoice(choice: Choice, layers: readonly Layer[], by: string): void {
  for (const [what, { layer, kvHead }] of wrongRows(choice, layers)) {
    const where = [by, ...(layer === undefined ? [] : [`layer ${layer}`])];
    throw new RangeError(`${what}: ${[...where, ...(kvHead === undefined ? [] : [`kv head ${kvHead}`])].join(", ")}`);
  }
}

/** Whether the choice is one that can be kept. */
export function checkRows(choice: Choice, layers: readonly Layer[], report: Report): boolean {
  const wrong = [...wrongRows(choice, layers)];
  for (const [what, location] of wrong) report("rows", what, location);
  return wrong.length === 0;
}

/** Whether those who share a budget keep as many rows as it gives. */
export function checkBudget(
  choice: Choice,
  layers: readonly Layer[],
  budget: Budget,
  shared: BudgetShare,
  slack: number,
  report: Report,
): void {
  if (shared === "none") return;
  const longest = longestHead(layers);
  const heads = layers.flatMap((layer, index) =>
    layer.heads.map(({ positions }, kvHead) => (
      {
        layer: index,
        kvHead,
        kept: choice[index][kvHead].rows.length,
        given: headRows(budget, positions.length, longest),
      }
    ))
  );
  // At ratio 0 everything stays, whoever shares what.
  const sharers = budget.ratio === 0 || shared === "head"
    ? heads.map((head) => ({ ...head, heads: 1 }))
    : [...Map.groupBy(heads, ({ layer }) => shared === "layer" ? layer : 0).values()].map((group) => ({
      layer: shared === "layer" ? group[0].layer : undefined,
      kvHead: undefined,
      kept: group.reduce((sum, { kept }) => sum + kept, 0),
      given: group.reduce((sum, { given }) => sum + given, 0),
      heads: group.length,
    }));
  for (const { kept, given, heads, ...place } of sharers) {
    if (Math.abs(kept - given) <= (budget.ratio === 0 ? 0 : slack * heads)) continue;
    report("budget", `Cannot keep ${kept} rows as the budget gives ${given}`, place);
  }
}

/** Whether protected rows stay in every head that keeps as many. */
export function checkProtection(
  choice: Choice,
  layers: readonly Layer[],
  { sinks = 0, recent = 0 }: Protection = {},
  report: Report,
): void {
  layers.forEach(({ heads }, layer) =>
    heads.forEach(({ positions }, kvHead) => {
      const kept = new Set(choice[layer][kvHead].rows);
      const safe = [...positions.keys()].filter((row) => positions[row] < sinks || row >= positions.length - recent);
      const row = kept.size < safe.length ? undefined : safe.find((row) => !kept.has(row));
      if (row !== undefined) report("protection", `Cannot evict row ${row} as it is protected`, { layer, kvHead, row });
    })
  );
}

/** Whether the second choice is the first. */
export function checkSame(once: Choice, again: Choice | undefined, report: Report): void {
  once.forEach((heads, layer) =>
    heads.forEach(({ rows }, kvHead) => {
      const other = again?.[layer]?.[kvHead]?.rows ?? new Uint32Array(0);
      if (rows.length === other.length && rows.every((row, index) => row === other[index])) return;
      const row = rows.find((row, index) => row !== other[index]) ?? other[rows.length];
      report("determinism", `Cannot keep row ${row} once and not again`, { layer, kvHead, row });
    })
  );
}

/** Rows of the longest head. */
export function longestHead(layers: readonly Layer[]): number {
  return Math.max(0, ...layers.flatMap(({ heads }) => heads.map(({ positions }) => positions.length)));
}
