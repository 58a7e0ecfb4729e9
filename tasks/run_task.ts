import { printNotice } from "./print.ts";

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
