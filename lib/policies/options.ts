/** The options of a policy, each of which may be left out. `Defaults` is the object that the policy's file exports. */
export type OptionsOf<Defaults> = { readonly [Name in keyof Defaults]?: number };

/** The options, and the default of each that is left out. */
export function withDefaults<Defaults extends Readonly<Record<string, number>>>(
  defaults: Defaults,
  options: OptionsOf<Defaults>,
): { readonly [Name in keyof Defaults]: number } {
  // Not a spread: an option that is given as undefined is left out as well.
  return Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, options[name] ?? value])) as {
    [Name in keyof Defaults]: number;
  };
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
