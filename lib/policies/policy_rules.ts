import { headRows } from "./budget.ts";
import type { Budget, Choice, Head, HeadChoice, Layer, Protection } from "./policy.ts";

/** What a policy promises its runners. */
export type PolicyRule =
  /** It reads no signal but those that it says it needs. */
  | "needs"
  /** It does not write into the signals. */
  | "signals"
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
export interface Place {
  readonly layer?: number;
  readonly kvHead?: number;
  readonly row?: number;
}

/** Notes that a promise was not kept. */
export type Report = (rule: PolicyRule, what: string, place?: Place) => void;

/** Whether the choice is one that can be kept. */
export function checkRows(choice: Choice, layers: readonly Layer[], report: Report): boolean {
  let sound = true;
  const wrong: Report = (...what) => {
    sound = false;
    report(...what);
  };
  if (choice.length !== layers.length) {
    wrong("rows", `Cannot keep rows of ${choice.length} layers of ${layers.length}`);
    return false;
  }
  for (const [layer, { heads }] of layers.entries()) {
    if (choice[layer].length !== heads.length) {
      wrong("rows", `Cannot keep rows of ${choice[layer].length} kv heads of ${heads.length}`, { layer });
    } else heads.forEach((head, kvHead) => checkHead(choice[layer][kvHead], head, wrong, { layer, kvHead }));
  }
  return sound;
}

function checkHead({ rows }: HeadChoice, { positions }: Head, wrong: Report, place: Place): void {
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index];
    if (!(row < positions.length)) {
      return wrong("rows", `Cannot keep row ${row} as there are ${positions.length}`, { ...place, row });
    }
    if (index > 0 && row <= rows[index - 1]) {
      return wrong("rows", `Cannot keep row ${row} after row ${rows[index - 1]} as rows ascend`, { ...place, row });
    }
  }
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
