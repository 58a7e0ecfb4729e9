import "./no_deprecations.ts";
import { describeSystemError } from "../../lib/files/system_error.ts";
import { type Flags, parseFlags } from "./flags.ts";
import { helpText, versionText } from "./help.ts";
import { endInterrupts, interruptCode } from "./interrupt.ts";
import { oneLine, printNotice, printText } from "./print.ts";
import { type TaskName, TASKS } from "./task_table.ts";
import { UsageError } from "./usage_error.ts";

/**
 * Runs a task: parses its flags by its table, answers `--help` and `--version`, and turns an error into one line on stderr
 * and the exit code.
 *
 * @param body gets the flags, and what follows `--` or, of a task that hands everything on, all arguments
 */
export async function runTask(
  name: TaskName,
  body: (flags: Flags, handedOn: readonly string[]) => Promise<void> | void,
): Promise<void> {
  const task = TASKS[name];
  const end = task.handsOn === undefined ? -1 : Deno.args.indexOf("--");
  const own = end < 0 ? Deno.args : Deno.args.slice(0, end);
  if (own.includes("--help")) return printText(helpText(task));
  if (own.includes("--version")) return printText(versionText());
  await runBody(() =>
    task.handsOn === "everything" ? body(parseFlags([], task), Deno.args) : body(
      parseFlags(own, task),
      end < 0 ? [] : Deno.args.slice(end + 1),
    )
  );
}

/** Like {@linkcode runTask}, for a program that another one starts: it has no flags of its own. */
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
