/** Checks the sources of notebooks/: they carry no outputs, their code lines and cells are short, their code type-checks. */
import { checkNotebook } from "../lib/notebook/check_notebook.ts";
import { readNotebooks } from "../lib/notebook/read_notebooks.ts";
import { parseFlags } from "./cli/flags.ts";
import { printNotice, runTask } from "./cli/run_task.ts";

await runTask(async () => {
  const folder = parseFlags(Deno.args, { text: ["notebooks"] }).text("notebooks") ?? "notebooks";
  const notebooks = await readNotebooks(folder);
  const wrong: string[] = [];
  for (const notebook of notebooks) wrong.push(...await checkNotebook(notebook, folder));
  for (const text of wrong) printNotice(`${text}\n`);
  if (wrong.length > 0) throw new Error(`Cannot accept the notebooks in ${folder}: see above`);
  if (notebooks.length === 0) printNotice(`${folder} has no notebooks to check`);
});
