import { type Flags, parseFlags } from "./flags.ts";
import { helpText, versionText } from "./help.ts";
import { printText } from "./print.ts";
import { runBody } from "./run_body.ts";
import { type TaskName, TASKS } from "./task_table.ts";

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
