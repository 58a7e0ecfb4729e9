import { checkOptions } from "../numeric/nearest_name.ts";

/** The options of a policy, each of which may be left out. `Defaults` is the object that the policy's file exports. */
export type OptionsOf<Defaults> = { readonly [Name in keyof Defaults]?: number };

/**
 * The options, and the default of each that is left out.
 *
 * @param owner the policy or wrapper, for messages
 * @throws {TypeError} if it has no such option
 * @throws {RangeError} if an option is no finite number
 */
export function withDefaults<Defaults extends Readonly<Record<string, number>>>(
  owner: string,
  defaults: Defaults,
  options: OptionsOf<Defaults>,
): { readonly [Name in keyof Defaults]: number } {
  checkNumbers(owner, options, defaults);
  // Not a spread: an option that is given as undefined is left out as well.
  return Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, options[name] ?? value])) as {
    [Name in keyof Defaults]: number;
  };
}

/**
 * Refuses options that a policy does not take, or that are given and no numbers.
 *
 * @throws {TypeError} that names the option, the nearest and all that there are
 * @throws {RangeError} that names the option, its value and the owner
 */
export function checkNumbers(owner: string, options: Readonly<Record<string, unknown>>, takes: object): void {
  checkOptions(owner, options, takes as Readonly<Record<string, unknown>>);
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || (typeof value === "number" && Number.isFinite(value))) continue;
    const given = typeof value === "number" ? value : JSON.stringify(value);
    throw new RangeError(`Cannot use ${name} ${given} for ${owner} as it must be a number`);
  }
}

/**
 * Refuses options that count rows, tokens or positions and are no whole numbers.
 *
 * @param owner the policy or wrapper, for the message
 * @throws {RangeError} that names the option, its value and the owner
 */
export function checkCounts(owner: string, counts: Readonly<Record<string, number | undefined>>, least = 0): void {
  for (const [name, value] of Object.entries(counts)) {
    if (value === undefined || (Number.isSafeInteger(value) && value >= least)) continue;
    throw new RangeError(`Cannot use ${name} ${value} for ${owner} as it must be a whole number of at least ${least}`);
  }
}
