/** Prints `docs/cli.md`, made from the tables that the tasks parse their arguments by; `deno fmt` gives it its form. */
import { cliMarkdown } from "./help.ts";
import { writeText } from "./print.ts";
import { TASKS } from "./task_table.ts";

writeText(Deno.stdout, cliMarkdown(Object.values(TASKS)));
