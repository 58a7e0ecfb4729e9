import { type Flags, usage, UsageError } from "./cli.ts";

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
