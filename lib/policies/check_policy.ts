import { checkOptions, type OptionNames } from "../numeric/nearest_name.ts";
import type { Vector } from "../numeric/vectors.ts";
import { budgetForRatio } from "./budget.ts";
import { describeSignal, sameSignal } from "./check_signals.ts";
import type { Budget, Choice, Head, Layer, Policy, Protection, Signal } from "./policy.ts";
import {
  type BudgetShare,
  checkBudget,
  checkProtection,
  checkRows,
  checkSame,
  longestHead,
  type PolicyRule,
  type Report,
  type RowLocation,
} from "./policy_rules.ts";

/** A promise that was not kept, by the names that tables give it: its first case, and how many there are. */
export interface PolicyViolation {
  /** The policy's name. */
  readonly policy: string;
  /** The promise. */
  readonly rule: PolicyRule;
  /** What was wrong, in one line. */
  readonly message: string;
  /** Rows of the cache's longest head. */
  readonly cache_rows: number;
  /** The budget's ratio. */
  readonly compression_ratio: number;
  /** The layer, from 0; null where it is not about one. */
  readonly layer: number | null;
  /** The kv head, from 0; null where it is not about one. */
  readonly kv_head: number | null;
  /** The row, from 0; null where it is not about one. */
  readonly row: number | null;
  /** Heads, over all caches and ratios, in which it was so. */
  readonly times: number;
}

/** Options of {@linkcode checkPolicy}. */
export interface CheckPolicyOptions {
  /** Fractions of rows removed; 0, 0.1, 0.25, 0.5, 0.75, 0.9 and 0.999 by default. */
  readonly compressionRatios?: readonly number[];
  /** Who shares a budget; `head` by default, `none` for a policy whose size is its own. */
  readonly budget?: BudgetShare;
  /** Rows a head that a budget may be missed by, as where whole chunks are kept; 0 by default. */
  readonly slack?: number;
  /** Rows that should stay; by default those that the policy's definition protects. */
  readonly protect?: Protection;
}

const CHECK_POLICY_OPTIONS: OptionNames<CheckPolicyOptions> = {
  compressionRatios: true,
  budget: true,
  slack: true,
  protect: true,
};

const RATIOS = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999];

/**
 * Holds a policy to what runners expect of it, on some caches and at some ratios: it reads the signals that it names and
 * leaves them as they are, keeps rows that ascend and are there, as many as the budget gives and the protected among
 * them, and chooses the same again after it has chosen for others. It works on copies, so no cache is harmed.
 *
 * @param caches the layers of each cache, as `cache.layers()` gives them; of lengths that differ, one of them short
 * @returns what was wrong, a line a promise; empty if nothing was
 * @throws {RangeError} if there are no caches, or a ratio is outside [0, 1)
 *
 * @example A policy that draws its rows anew each time
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { checkPolicy, definePolicy, eachHead, type Layer } from "kvmirror/policies";
 *
 * const dice = definePolicy({
 *   name: "dice",
 *   signals: [],
 *   score: eachHead(({ positions }) => Float32Array.from(positions, () => Math.random())),
 * });
 * const head = { positions: Int32Array.from({ length: 500 }, (_, row) => row), signal: () => new Float32Array(500) };
 * const model = { layerCount: 1, headDim: 1, groupSize: 1, rotary: { kinds: [[]], layers: [0] } };
 * const layers: Layer[] = [{ index: 0, model, heads: [head] }];
 * assertEquals(checkPolicy(dice, [layers]).map(({ rule }) => rule), ["determinism"]);
 * ```
 */
export function checkPolicy(
  policy: Policy,
  caches: readonly (readonly Layer[])[],
  options: CheckPolicyOptions = {},
): PolicyViolation[] {
  checkOptions("checkPolicy", options, CHECK_POLICY_OPTIONS);
  const { compressionRatios = RATIOS, slack = 0, protect = policy.definition?.protect } = options;
  const { budget: shared = policy.size === "own" ? "none" : "head" } = options;
  if (caches.length === 0) throw new RangeError("Cannot check a policy on 0 caches: give at least one");
  const found = new Map<PolicyRule, PolicyViolation>();
  const cases = caches.flatMap((layers) =>
    compressionRatios.map((ratio) => {
      const budget = budgetForRatio(longestHead(layers), ratio);
      return { layers, budget, report: reporter(policy.name, budget, longestHead(layers), found) };
    })
  );
  const choices = cases.map(({ layers, budget, report }) => {
    const choice = choose(policy, layers, budget, report);
    if (choice === undefined || !checkRows(choice, layers, report)) return undefined;
    checkBudget(choice, layers, budget, shared, slack, report);
    if (budget.ratio > 0) checkProtection(choice, layers, protect, report);
    return choice;
  });
  for (const [index, { layers, budget, report }] of [...cases.entries()].reverse()) {
    const [once, again] = [choices[index], choose(policy, layers, budget, () => {})];
    if (once !== undefined) checkSame(once, again, report);
  }
  return [...found.values()];
}

function reporter(policy: string, budget: Budget, cacheRows: number, found: Map<PolicyRule, PolicyViolation>): Report {
  return (rule, what, { layer, kvHead, row } = {}) => {
    const earlier = found.get(rule);
    if (earlier !== undefined) return void found.set(rule, { ...earlier, times: earlier.times + 1 });
    // An error of definePolicy's has named the policy and the place.
    const named = what.includes(`policy ${policy}`);
    const by = [
      ...(named ? [what] : [`${what}: policy ${policy}`]),
      ...(layer === undefined ? [] : [`layer ${layer}`]),
      ...(kvHead === undefined ? [] : [`kv head ${kvHead}`]),
      `ratio ${budget.ratio} of ${cacheRows} rows`,
    ];
    found.set(rule, {
      policy,
      rule,
      message: by.join(", "),
      cache_rows: cacheRows,
      compression_ratio: budget.ratio,
      layer: layer ?? null,
      kv_head: kvHead ?? null,
      row: row ?? null,
      times: 1,
    });
  };
}

/** What the policy chooses of copies of the signals; undefined if it throws. */
function choose(policy: Policy, layers: readonly Layer[], budget: Budget, report: Report): Choice | undefined {
  const watched = watchedLayers(layers, policy.signals, report);
  try {
    const choice: Choice | undefined = policy.choose(watched.layers, budget);
    if (choice === undefined) report("choice", "Cannot keep rows by no choice");
    return choice;
  } catch (error) {
    report("choice", error instanceof Error ? error.message : String(error));
  } finally {
    watched.compare();
  }
}

/** Layers of copies, so that who writes into them harms nothing. */
export interface WatchedLayers {
  /** The copies. */
  readonly layers: readonly Layer[];
  /** Reports copies that are not what they were. */
  compare(): void;
}

/** Copies layers for a policy: reads of signals that it does not name are reported, and later, writes. */
function watchedLayers(layers: readonly Layer[], signals: readonly Signal[], report: Report): WatchedLayers {
  const watched = layers.map((layer) =>
    layer.heads.map((head, kvHead) => watch(head, signals, report, { layer: layer.index, kvHead }))
  );
  return {
    layers: layers.map((layer, index) => ({ ...layer, heads: watched[index].map(({ head }) => head) })),
    compare: () => watched.flat().forEach(({ compare }) => compare()),
  };
}

/** A head of copies, and a comparison of these with what they were. */
function watch(
  head: Head,
  signals: readonly Signal[],
  report: Report,
  location: RowLocation,
): { head: Head; compare(): void } {
  const copies = new Map<string, { copy: Vector; need: Signal }>();
  const positions = head.positions.slice();
  return {
    head: {
      positions,
      signal: (signal) => {
        const name = describeSignal(signal);
        if (!signals.some((named) => sameSignal(named, signal))) {
          report("signals", `Cannot read ${name} as it is not among its signals`, location);
        }
        if (!copies.has(name)) copies.set(name, { copy: head.signal(signal).slice(), need: signal });
        return copies.get(name)!.copy;
      },
    },
    compare: () => {
      const written = (name: string, now: ArrayLike<number>, before: ArrayLike<number>) => {
        const index = Array.prototype.findIndex.call(now, (value, at) => !Object.is(value, before[at]));
        const row = Math.floor(index / (before.length / head.positions.length));
        if (index >= 0) {
          report("writes", `Cannot write into ${name}, row ${row}, as runners share it`, { ...location, row });
        }
      };
      written("positions", positions, head.positions);
      for (const [name, { copy, need: signal }] of copies) written(name, copy, head.signal(signal));
    },
  };
}
