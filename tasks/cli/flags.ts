import { parseArgs } from "@std/cli/parse-args";
import { readText, readTextOf } from "../../lib/files/text_file.ts";
import type { FlagDefinition, TaskDefinition } from "./task_table.ts";
import { UsageError } from "./usage_error.ts";

/** Parsed flags; without a default, a flag that was not given is absent. */
export interface Flags {
  /** Whether the flag stands on the command line: its default does not count. */
  given(name: string): boolean;
  text(name: string): string | undefined;
  /** Every value of a flag that may be given several times, in their order. */
  texts(name: string): readonly string[];
  number(name: string): number | undefined;
  toggle(name: string): boolean;
  /** Words beside flags, where the task takes any. */
  readonly words: readonly string[];
}

/** Words that others use for a flag, and this project once did: their refusal names the flag. */
const RENAMED: ReadonlyMap<string, string> = new Map([
  ["rows", "cache-dtype"],
  ["row-window", "residual-length"],
  ["every", "compression-interval"],
]);

/**
 * Parses a task's arguments by its table.
 *
 * @throws {UsageError} if a flag is unknown, lacks its value or has one of the wrong kind, or a word is not asked for
 */
export function parseFlags(args: readonly string[], { name: task, flags, words }: Parsed): Flags {
  const kinds = new Map(Object.entries(flags).map(([name, { kind }]) => [name, kind]));
  const ofKind = (...wanted: FlagDefinition["kind"][]) =>
    [...kinds].filter(([, kind]) => wanted.includes(kind)).map(([name]) => name);
  const valued = ofKind("text", "texts", "number", "integer");
  const parsed = parseArgs(joinNegativeValues(args, new Set(valued)), {
    string: valued,
    collect: valued,
    boolean: ofKind("switch"),
    unknown: (argument, key) => {
      if (key === undefined || kinds.has(key)) return true;
      const [flag, renamed] = [argument.split("=")[0], RENAMED.get(key)];
      if (renamed !== undefined && kinds.has(renamed)) {
        throw new UsageError(`Cannot use ${flag} as it is not a flag of this task: use --${renamed}`);
      }
      const names = [...kinds.keys()].map((name) => `--${name}`).join(", ") || "none";
      throw new UsageError(`Cannot use ${argument} as it is not a flag of this task: the flags are ${names}`);
    },
  });
  const values = new Map<string, readonly string[]>();
  for (const name of valued) {
    const given = (parsed[name] ?? []) as readonly string[];
    if (given.length > 0) values.set(name, given);
    const kind = kinds.get(name)!;
    if (given.length > 1 && kind !== "texts") throw new UsageError(`Cannot use --${name} twice: give it once`);
    for (const value of given) {
      if (value === "") throw new UsageError(`Cannot use --${name} without a value`);
      if (kind === "number" || kind === "integer") checkNumber(name, value, kind === "integer");
    }
  }
  const switches = ofKind("switch");
  const wrong = args.find((arg) => switches.some((name) => arg.startsWith(`--${name}=`)));
  if (wrong !== undefined) {
    throw new UsageError(`Cannot use ${wrong} as it takes no value: write ${wrong.slice(0, wrong.indexOf("="))}`);
  }
  const [stray] = words === undefined ? parsed._ : [];
  if (stray !== undefined) {
    throw new UsageError(
      `Cannot use the word ${stray} as ${task} takes flags only: put a value of several words in quotes`,
    );
  }
  const text = (name: string) => values.get(name)?.[0] ?? flags[name]?.default?.toString();
  return {
    given: (name) => values.has(name) || parsed[name] === true,
    text,
    texts: (name) => values.get(name) ?? [],
    number: (name) => text(name) === undefined ? undefined : Number(text(name)),
    toggle: (name) => parsed[name] === true,
    words: parsed._.map(String),
  };
}

/** What of a task's table the parser goes by. */
type Parsed = Pick<TaskDefinition, "name" | "flags" | "words">;

/** `--seed -3` and `--prompt-file -` read as two to the parser, so such a value is joined to its flag first. */
function joinNegativeValues(args: readonly string[], valued: ReadonlySet<string>): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const previous = joined.at(-1);
    if (/^-(?:\d|$)/.test(arg) && previous?.startsWith("--") && valued.has(previous.slice(2))) {
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

/** The arguments without a flag and its value. */
export function withoutFlag(args: readonly string[], name: string): string[] {
  const kept = args.filter((arg) => !arg.startsWith(`--${name}=`));
  const place = kept.indexOf(`--${name}`);
  return place < 0 ? kept : kept.toSpliced(place, 2);
}

/** Runs `check`, and turns what it throws into a usage error: for values that came from the command line. */
export function usage<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** Reads a text file that a flag names, or standard input where it is `-`; an empty one is a usage error. */
export function textFromFlag(flags: Flags, name: string): string | undefined {
  const path = flags.text(name);
  return path === undefined ? undefined : textAt(name, path);
}

/** Like {@linkcode textFromFlag}, for one value of a flag that may be given several times. */
export function textAt(name: string, path: string): string {
  return usage(() => {
    const text = path === "-" ? readTextOf(Deno.stdin, "standard input") : readText(path);
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
