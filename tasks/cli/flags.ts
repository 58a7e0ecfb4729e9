import { parseArgs } from "@std/cli/parse-args";
import { UsageError } from "./run_task.ts";

/** The flags a task takes: text, whole numbers, fractions and switches, by their name without dashes. */
export interface FlagTypes {
  readonly text?: readonly string[];
  readonly integer?: readonly string[];
  readonly number?: readonly string[];
  readonly toggle?: readonly string[];
  /** Texts that may be given more than once. */
  readonly repeated?: readonly string[];
}

/** Parsed flags; a flag that was not given is absent. */
export interface Flags {
  text(name: string): string | undefined;
  /** Every value of a repeated flag, in their order. */
  texts(name: string): readonly string[];
  number(name: string): number | undefined;
  toggle(name: string): boolean;
  readonly positional: readonly string[];
}

/** Words that others use for a flag, and this project once did: their refusal names the flag. */
const RENAMED: Readonly<Record<string, string>> = {
  rows: "cache-dtype",
  "row-window": "residual-length",
  every: "compression-interval",
};

/** Parses `args`; an unknown flag, a missing value or a value of the wrong kind is a {@linkcode UsageError}. */
export function parseFlags(args: readonly string[], types: FlagTypes): Flags {
  const integers = new Set(types.integer ?? []);
  const numbers = new Set([...integers, ...(types.number ?? [])]);
  const texts = [...(types.text ?? []), ...numbers];
  const toggles = types.toggle ?? [];
  const repeated = types.repeated ?? [];
  const known = new Set([...texts, ...toggles, ...repeated]);
  const parsed = parseArgs(joinNegativeValues(args, new Set([...texts, ...repeated])), {
    string: [...texts, ...repeated],
    collect: [...texts, ...repeated],
    boolean: toggles,
    unknown: (argument, key) => {
      if (key === undefined || known.has(key)) return true;
      const [flag, renamed] = [argument.split("=")[0], RENAMED[key]];
      if (known.has(renamed)) {
        throw new UsageError(`Cannot use ${flag} as it is not a flag of this task: use --${renamed}`);
      }
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
    texts: (name) => (parsed[name] ?? []) as readonly string[],
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

/** Reads a text file that a flag names, byte for byte; an empty one is a usage error. */
export function textFromFlag(flags: Flags, name: string): string | undefined {
  const path = flags.text(name);
  if (path === undefined) return undefined;
  return usage(() => {
    const text = readText(path);
    if (text === "") throw new UsageError(`Cannot read --${name} ${path} as it is empty: put a text into it`);
    return text;
  });
}

/** Like {@linkcode textFromFlag}, for a flag that must be there. */
export function requiredText(flags: Flags, name: string): string {
  const text = textFromFlag(flags, name);
  if (text === undefined) throw new UsageError(`Cannot run without --${name}: name a text file`);
  return text;
}

function readText(path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Deno.readFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new UsageError(`Cannot read ${path} as there is no such file`);
    if (error instanceof TypeError) throw new UsageError(`Cannot read ${path} as it is no UTF-8 text`);
    throw error;
  }
}

/** Units of storage: powers of 1000, and those of 1024 with an i. */
const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** Reads `8MB`, `512KB`, `1.5 MiB` or plain bytes; anything else is a usage error that names the flag. */
export function byteSize(flag: string, text: string): number {
  const [, digits, letters] = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text.trim()) ?? [];
  const unit = Object.keys(UNITS).find((name) => name.toLowerCase() === (letters || "B").toLowerCase());
  const bytes = Math.floor(Number(digits) * UNITS[unit ?? ""]);
  if (bytes >= 1 && Number.isSafeInteger(bytes)) return bytes;
  throw new UsageError(
    `Cannot use --${flag} ${text} as it must be a size of at least 1 byte: write it like 8MB or 512KiB`,
  );
}
