import { parseArgs } from "@std/cli/parse-args";
import { UsageError } from "./run_task.ts";

export { printJson, printNotice, printText, writeAll } from "./print.ts";
export { runTask, UsageError } from "./run_task.ts";

/** The flags a task takes: text, whole numbers, fractions and switches, by their name without dashes. */
export interface FlagTypes {
  readonly text?: readonly string[];
  readonly integer?: readonly string[];
  readonly number?: readonly string[];
  readonly toggle?: readonly string[];
}

/** Parsed flags; a flag that was not given is absent. */
export interface Flags {
  text(name: string): string | undefined;
  number(name: string): number | undefined;
  toggle(name: string): boolean;
  readonly positional: readonly string[];
}

/** Parses `args`; an unknown flag, a missing value or a value of the wrong kind is a {@linkcode UsageError}. */
export function parseFlags(args: readonly string[], types: FlagTypes): Flags {
  const integers = new Set(types.integer ?? []);
  const numbers = new Set([...integers, ...(types.number ?? [])]);
  const texts = [...(types.text ?? []), ...numbers];
  const toggles = types.toggle ?? [];
  const known = new Set([...texts, ...toggles]);
  const parsed = parseArgs(joinNegativeValues(args, new Set(texts)), {
    string: texts,
    collect: texts,
    boolean: toggles,
    unknown: (argument, key) => {
      if (key === undefined || known.has(key)) return true;
      const names = [...known].map((name) => `--${name}`).join(", ");
      throw new UsageError(`Cannot use ${argument} as it is not a flag of this task: the flags are ${names}`);
    },
  });
  for (const name of texts) {
    const values = parsed[name] as readonly string[];
    if (values.length > 1) throw new UsageError(`Cannot use --${name} twice: give it once`);
    parsed[name] = values[0];
    if (parsed[name] === undefined) continue;
    if (parsed[name] === "") throw new UsageError(`Cannot use --${name} without a value`);
    if (numbers.has(name)) checkNumber(name, String(parsed[name]), integers.has(name));
  }
  return {
    text: (name) => parsed[name] as string | undefined,
    number: (name) => parsed[name] === undefined ? undefined : Number(parsed[name]),
    toggle: (name) => parsed[name] === true,
    positional: parsed._.map(String),
  };
}

/** `--seed -3` reads as two flags to the parser, so a negative value is joined to its flag first. */
function joinNegativeValues(args: readonly string[], valued: ReadonlySet<string>): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const previous = joined.at(-1);
    if (/^-\d/.test(arg) && previous?.startsWith("--") && valued.has(previous.slice(2))) {
      joined[joined.length - 1] = `${previous}=${arg}`;
    } else joined.push(arg);
  }
  return joined;
}

function checkNumber(name: string, value: string, integer: boolean): void {
  if (!Number.isFinite(Number(value)) || value.trim() === "") {
    throw new UsageError(`Cannot use --${name} ${value} as it must be a number`);
  }
  if (integer && !Number.isSafeInteger(Number(value))) {
    throw new UsageError(`Cannot use --${name} ${value} as it must be a whole number`);
  }
}

/** Runs `check`, and turns what it throws into a usage error: for values that came from the command line. */
export function usage<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
