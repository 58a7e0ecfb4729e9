/** Checks the sources of notebooks/: they carry no outputs, their code lines and cells are short, their code type-checks. */
import { checkNotebook } from "../lib/notebook/check_notebook.ts";
import { readNotebooks } from "../lib/notebook/read_notebooks.ts";
import { printNotice } from "./cli/print.ts";
import { runBody } from "./cli/run_body.ts";

await runBody(async () => {
  const folder = "notebooks";
  const notebooks = await readNotebooks(folder);
  const wrong: string[] = [];
  for (const notebook of notebooks) wrong.push(...await checkNotebook(notebook, folder));
  for (const text of wrong) printNotice(`${text}\n`);
  if (wrong.length > 0) throw new Error(`Cannot accept the notebooks in ${folder}: see above`);
  if (notebooks.length === 0) printNotice(`${folder} has no notebooks to check`);
});
