import { type ByteSink, writeAll } from "../../lib/files/write_atomic.ts";

/** A mistake on the command line: printed as one line, exit code 2. */
export class UsageError extends Error {}

/** Runs a task's body: errors become one line on stderr and the exit code (2 for usage, 1 for anything else). */
export async function runTask(body: () => Promise<void> | void): Promise<void> {
  try {
    await body();
  } catch (error) {
    printNotice(`error: ${oneLine(error)}`);
    Deno.exit(error instanceof UsageError ? 2 : 1);
  }
}

function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  return message.replaceAll(/\s*\n\s*/g, " ").trim();
}

/** Prints a result to stdout: one JSON document. */
export function printJson(value: unknown): void {
  writeText(Deno.stdout, `${JSON.stringify(value, null, 2)}\n`);
}

/** Prints text to stdout. */
export function printText(text: string): void {
  writeText(Deno.stdout, `${text}\n`);
}

/** Prints progress or a notice to stderr, so that stdout stays a clean result. */
export function printNotice(text: string): void {
  writeText(Deno.stderr, `${text}\n`);
}

/** Writes text to a stream, to its last byte. */
export function writeText(stream: ByteSink, text: string): void {
  writeAll(stream, new TextEncoder().encode(text));
}
