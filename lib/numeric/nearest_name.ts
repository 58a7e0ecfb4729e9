/**
 * The name that is fewest edits away (Levenshtein distance), for a "did you mean"; undefined where even the nearest
 * differs in more than half of its letters.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { nearestName } from "./nearest_name.ts";
 *
 * assertEquals(nearestName("hybird", ["keep_all", "hybrid"]), "hybrid");
 * assertEquals(nearestName("xyz", ["keep_all", "hybrid"]), undefined);
 * ```
 */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let fewest = Infinity;
  for (const candidate of names) {
    const edits = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (edits < fewest && edits <= Math.max(name.length, candidate.length) / 2) [nearest, fewest] = [candidate, edits];
  }
  return nearest;
}

/**
 * Why a name is refused, with the nearest and all that there are.
 *
 * @param kind what it should name, singular
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { cannotFind } from "./nearest_name.ts";
 *
 * assertEquals(
 *   cannotFind("policy", "hybird", ["keep_all", "hybrid"]),
 *   'Cannot find policy "hybird": did you mean hybrid? The policies are keep_all, hybrid',
 * );
 * ```
 */
export function cannotFind(kind: string, name: string, names: readonly string[]): string {
  const near = nearestName(name, names);
  const hint = near === undefined ? "the" : `did you mean ${near}? The`;
  return `Cannot find ${kind} ${JSON.stringify(name)}: ${hint} ${kind.replace(/y$/, "ie")}s are ${names.join(", ")}`;
}

function editDistance(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = above[column - 1] + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, above[column] + 1, current[column - 1] + 1));
    }
    above = current;
  }
  return above[to.length];
}
