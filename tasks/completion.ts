/** `deno task completion bash|zsh|fish`: prints a script by which a shell completes the tasks of this project. */
import { cannotFind } from "../lib/numeric/nearest_name.ts";
import { writeText } from "./cli/print.ts";
import { runTask } from "./cli/run_task.ts";
import { TASKS } from "./cli/task_table.ts";
import { UsageError } from "./cli/usage_error.ts";
import { bashScript } from "./completion/bash.ts";
import { completedTasks } from "./completion/completions.ts";
import { fishScript } from "./completion/fish.ts";
import { zshScript } from "./completion/zsh.ts";

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };

await runTask("completion", ({ words: [shell, ...more] }) => {
  const names = Object.keys(SCRIPTS) as (keyof typeof SCRIPTS)[];
  const found = names.find((name) => name === shell);
  if (shell === undefined) throw new UsageError(`Cannot complete for no shell: name one of ${names.join(", ")}`);
  if (found === undefined) throw new UsageError(cannotFind("shell", shell, names));
  if (more.length > 0) throw new UsageError(`Cannot complete for ${shell} and ${more.join(" ")}: name one shell`);
  writeText(Deno.stdout, SCRIPTS[found](completedTasks(Object.values(TASKS))));
});
