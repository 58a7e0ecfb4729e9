import { DISPLAY, type DisplayBundle, shownAs } from "../display/display.ts";
import { factsDisplay, grouped, keptBars } from "../display/facts.ts";
import { checkOptions, type OptionNames } from "../numeric/nearest_name.ts";
import { topK } from "../numeric/top_k.ts";
import type { Vector } from "../numeric/vectors.ts";
import { headRows } from "./budget.ts";
import type { Budget, Choice, Head, Layer, Policy, PolicyDefinition, Protection, Scores, Signal } from "./policy.ts";

/**
 * Completes a definition to a policy: scores each layer, raises protected rows to the layer's maximum + 1, shares out the
 * budget, keeps the highest rows of each head. At ratio 0 nothing is touched, unless its size is its own.
 *
 * @example The rows with the smallest keys stay
 * ```ts
 * import { definePolicy, eachHead } from "kvmirror/policies";
 *
 * const smallestKeys = definePolicy({
 *   name: "smallest_keys",
 *   signals: ["keys"],
 *   score: eachHead((head) => {
 *     const keys = head.signal("keys");
 *     const width = keys.length / head.positions.length;
 *     return Float32Array.from(head.positions, (_, row) => -Math.hypot(...keys.subarray(row * width, (row + 1) * width)));
 *   }),
 * });
 * ```
 *
 * @throws {RangeError} from `choose`, if the definition's scores have another length than the rows, or hold NaN
 */
export function definePolicy(definition: PolicyDefinition): Policy {
  checkOptions("definePolicy", definition, DEFINITION);
  if (definition.protect !== undefined) checkOptions("protect of definePolicy", definition.protect, PROTECTION);
  return {
    name: definition.name,
    signals: definition.signals,
    definition,
    ...(definition.size === undefined ? {} : { size: definition.size }),
    choose: (layers, budget) => {
      const choice = chooseRows(definition, layers, budget);
      const counts = layers.map(({ heads }) => heads.map(({ positions }) => positions.length));
      return shownAs(choice, () => choiceDisplay(definition.name, choice, counts));
    },
    [DISPLAY]: () => factsDisplay({ name: `Policy ${definition.name}`, facts: factsOf(definition) }),
  };
}

/** What a notebook's cell shows of a policy. */
function factsOf({ signals, protect, allocate, paper }: PolicyDefinition): [string, string][] {
  const { sinks = 0, recent = 0 } = protect ?? {};
  return [
    ["ranks rows by", signals.length === 0 ? "their positions" : signals.map(signalName).join(", ")],
    ["keeps in any case", sinks + recent === 0 ? "nothing" : `${sinks} sinks, the newest ${recent}`],
    ["budget", allocate === undefined ? "the same for every kv head" : "shared out among kv heads"],
    ...(paper === undefined ? [] : [["paper", paper] as [string, string]]),
  ];
}

/**
 * What a notebook's cell shows of a choice.
 *
 * @param counts rows that there were, `[layer][kv head]`
 */
function choiceDisplay(name: string, choice: Choice, counts: readonly (readonly number[])[]): DisplayBundle {
  const perHead = choice.flatMap((heads) => heads.map(({ rows }) => rows.length));
  const layers = choice.map((heads) => heads.reduce((sum, { rows }) => sum + rows.length, 0));
  const whole = counts.map((heads) => heads.reduce((sum, count) => sum + count, 0));
  const [kept, all] = [layers, whole].map((rows) => rows.reduce((sum, count) => sum + count, 0));
  return factsDisplay({
    name: `Choice of ${name}`,
    facts: [
      ["rows kept", `${grouped(kept)} of ${grouped(all)} in ${perHead.length} kv heads`],
      ["rows a kv head", rangeOf(perHead)],
      ["ratio", all === 0 ? "0, as there were no rows" : (1 - kept / all).toFixed(3)],
    ],
    ...keptBars(layers, whole),
  });
}

function rangeOf(counts: readonly number[]): string {
  if (counts.length === 0) return "none";
  const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
  return fewest === most ? grouped(most) : `${grouped(fewest)} to ${grouped(most)}`;
}

function signalName(signal: Signal): string {
  if (typeof signal === "string") return signal;
  const { attention, queries } = signal;
  const of = queries === "all" ? "every query" : queries === 1 ? "the newest query" : `the last ${queries} queries`;
  return `attention from ${of} (${attention})`;
}

const DEFINITION: OptionNames<PolicyDefinition> = {
  name: true,
  paper: true,
  signals: true,
  score: true,
  protect: true,
  size: true,
  allocate: true,
  select: true,
};
const PROTECTION: OptionNames<Protection> = { sinks: true, recent: true };

/** Makes a layer's scores out of a function that scores one head by itself. */
export function eachHead(score: (head: Head, layer: Layer) => Vector): (layer: Layer) => Scores {
  return (layer) => layer.heads.map((head) => score(head, layer));
}

/** All rows of all heads: what a policy chooses when nothing has to go. */
export function everyRow(layers: readonly Layer[]): Choice {
  return layers.map(({ heads }) => heads.map(({ positions }) => ({ rows: firstRows(positions.length) })));
}

function firstRows(count: number): Uint32Array {
  const rows = new Uint32Array(count);
  for (let row = 0; row < count; row++) rows[row] = row;
  return rows;
}

function chooseRows(definition: PolicyDefinition, layers: readonly Layer[], budget: Budget): Choice {
  if (budget.ratio === 0 && definition.size === undefined) return everyRow(layers);
  const scores = layers.map((layer) => raisedScores(definition, layer, budget));
  const counts = definition.allocate?.(scores, budget, layers) ?? uniform(layers, budget);
  return layers.map((_, index) => {
    const rows = definition.select?.(scores[index], counts[index], budget) ??
      scores[index].map((head, kvHead) => topK(head, counts[index][kvHead]));
    return rows.map((kept) => ({ rows: kept }));
  });
}

/** A layer's scores, checked, with protected rows raised above all others. */
export function raisedScores(definition: PolicyDefinition, layer: Layer, budget: Budget): Scores {
  return protect(layer, checked(definition, layer, definition.score(layer, budget)), definition.protect);
}

function checked(definition: PolicyDefinition, layer: Layer, scores: Scores): Scores {
  layer.heads.forEach((head, kvHead) => {
    const label = `policy ${definition.name}, layer ${layer.index}, kv head ${kvHead}`;
    const rows = head.positions.length;
    if (scores[kvHead]?.length !== rows) {
      throw new RangeError(
        `Cannot choose rows by ${scores[kvHead]?.length ?? 0} scores as there are ${rows} rows: ${label}`,
      );
    }
    const row = scores[kvHead].findIndex(Number.isNaN);
    if (row >= 0) throw new RangeError(`Cannot choose rows as the score of row ${row} is NaN: ${label}`);
  });
  return scores;
}

function protect(layer: Layer, scores: Scores, { sinks = 0, recent = 0 }: Protection = {}): Scores {
  if (sinks === 0 && recent === 0) return scores;
  let highest = -Infinity;
  for (const head of scores) for (const score of head) highest = Math.max(highest, score);
  return layer.heads.map(({ positions }, kvHead) =>
    scores[kvHead].map((score, row) => positions[row] < sinks || row >= positions.length - recent ? highest + 1 : score)
  );
}

function uniform(layers: readonly Layer[], budget: Budget): Uint32Array[] {
  const longest = Math.max(0, ...layers.flatMap(({ heads }) => heads.map(({ positions }) => positions.length)));
  return layers.map(({ heads }) =>
    Uint32Array.from(heads, ({ positions }) => headRows(budget, positions.length, longest))
  );
}
