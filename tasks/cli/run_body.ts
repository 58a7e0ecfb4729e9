import "./no_deprecations.ts";
import { describeSystemError } from "../../lib/files/system_error.ts";
import { endInterrupts, interruptCode } from "./interrupt.ts";
import { oneLine, printNotice } from "./print.ts";
import { UsageError } from "./usage_error.ts";

/**
 * Runs a program, and turns an error into one line on stderr and the exit code. It takes no flags, and imports no
 * package: a peer's process runs under the peer's own configuration, where there are no others.
 */
export async function runBody(body: () => Promise<void> | void): Promise<void> {
  try {
    await body();
    endInterrupts();
  } catch (error) {
    printNotice(`error: ${messageOf(error)}`);
    Deno.exit(interruptCode() ?? exitCode(error));
  }
}

/**
 * 2 if what was given is wrong: a flag, or a file or model that it names. 1 if it was right and could not be done, or the
 * answer is no. The library's own errors about values and texts say `Cannot`, after a path at most; V8's do not.
 */
function exitCode(error: unknown): 1 | 2 {
  if (error instanceof UsageError) return 2;
  const isOfInput = error instanceof RangeError || error instanceof SyntaxError;
  return isOfInput && /(?:^|: )Cannot /.test(error.message) ? 2 : 1;
}

function messageOf(error: unknown): string {
  return oneLine(describeSystemError(error) ?? (error instanceof Error ? error.message || error.name : String(error)));
}
