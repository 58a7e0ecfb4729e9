import { readText } from "../files/text_file.ts";
import type { Notebook } from "./notebook.ts";
import { declaredParameters } from "./parameters.ts";
import { parseNotebook } from "./parse_notebook.ts";

/** A notebook's source. */
export interface NotebookFile {
  /** The file's name without `.ipynb`. */
  readonly name: string;
  readonly notebook: Notebook;
  /** What it can be run with. */
  readonly parameters: readonly string[];
}

/**
 * Reads the notebooks of a folder, in the order of their names.
 *
 * Throws a SyntaxError that names the file if one is malformed.
 */
export async function readNotebooks(folder: string): Promise<NotebookFile[]> {
  const names: string[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) if (isFile && name.endsWith(".ipynb")) names.push(name);
  return await Promise.all(
    names.sort().map((file) => {
      try {
        const notebook = parseNotebook(readText(`${folder}/${file}`));
        return { name: file.slice(0, -".ipynb".length), notebook, parameters: declaredParameters(notebook) };
      } catch (error) {
        if (error instanceof SyntaxError) {
          throw new SyntaxError(`${folder}/${file}: ${error.message}`, { cause: error });
        }
        throw error;
      }
    }),
  );
}
