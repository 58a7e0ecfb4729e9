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

/** Characters that are shown of a name that is not known. */
const MAX_SHOWN = 80;

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
  const given = JSON.stringify(name.length > MAX_SHOWN ? `${name.slice(0, MAX_SHOWN)}…` : name);
  return `Cannot find ${kind} ${given}: ${hint} ${kind.replace(/y$/, "ie")}s are ${names.join(", ")}`;
}

/** The names of an options type; the compiler holds the list to the type. */
export type OptionNames<Options> = { readonly [Name in keyof Options]-?: true };

/**
 * Refuses an options object with a name that is not among those it takes, which JavaScript would ignore.
 *
 * @param owner what takes the options: "loadModel"
 * @throws {TypeError} that names the option, the nearest and all that there are; or says that it is no object
 *
 * @example
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { checkOptions } from "./nearest_name.ts";
 *
 * assertThrows(
 *   () => checkOptions("generate", { maxnewTokens: 8 }, { maxNewTokens: true, seed: true }),
 *   TypeError,
 *   "Cannot set maxnewTokens on generate: did you mean maxNewTokens? Its options are maxNewTokens, seed",
 * );
 * ```
 */
export function checkOptions(owner: string, options: object, names: Readonly<Record<string, unknown>>): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    const given = JSON.stringify(options) ?? typeof options;
    throw new TypeError(`Cannot set options of ${owner} by ${given} as they must be an object: ${described(names)}`);
  }
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(names, name)) continue;
    const near = nearestName(name, Object.keys(names));
    const hint = near === undefined ? "" : `did you mean ${near}? `;
    const all = described(names);
    throw new TypeError(
      `Cannot set ${name} on ${owner}: ${hint}${hint === "" ? all : all[0].toUpperCase() + all.slice(1)}`,
    );
  }
}

/**
 * Refuses options that say the same thing in two ways, or in none.
 *
 * @param owner what takes the options
 * @param names of which exactly one must be given
 * @throws {TypeError} that names those given and those to choose from
 */
export function checkOneOf(owner: string, options: object, names: readonly string[]): void {
  const given = Object.entries(options).filter(([name, value]) => names.includes(name) && value !== undefined);
  if (given.length === 1) return;
  const what = given.length === 0 ? "none" : given.map(([name]) => name).join(" and ");
  throw new TypeError(`Cannot follow ${what} of ${names.join(", ")} in ${owner}: give one of them`);
}

/**
 * Refuses a word that is not among those an option takes.
 *
 * @param option what it is the value of
 * @throws {RangeError} that names the nearest and all that there are
 */
export function checkWord(option: string, word: unknown, words: readonly unknown[]): void {
  if (words.includes(word)) return;
  const near = nearestName(String(word), words.map(String));
  const hint = near === undefined ? "it takes" : `did you mean ${near}? It takes`;
  throw new RangeError(`Cannot set ${option} to ${JSON.stringify(word)}: ${hint} ${words.join(", ")}`);
}

function described(names: object): string {
  const all = Object.keys(names);
  return all.length > 0 ? `its options are ${all.join(", ")}` : "it takes no options";
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
