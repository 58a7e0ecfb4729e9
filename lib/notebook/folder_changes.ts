import { createHash } from "node:crypto";

/** The files under a folder by their path in it (`/` between names), each with the sha256 of its content. */
export type FolderState = ReadonlyMap<string, string>;

/** What became of one file between two states of a folder. */
export interface FileChange {
  readonly path: string;
  readonly change: "added" | "changed" | "same" | "removed";
}

/** Reads the state of a folder; a folder that is not there is empty. */
export async function readFolder(folder: string): Promise<FolderState> {
  const state = new Map<string, string>();
  await addFiles(folder, "", state);
  return state;
}

/** Lists every file of two states, by path. */
export function folderChanges(before: FolderState, after: FolderState): FileChange[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths.map((path) => ({ path, change: changeOf(before.get(path), after.get(path)) }));
}

function changeOf(before: string | undefined, after: string | undefined): FileChange["change"] {
  if (before === undefined) return "added";
  if (after === undefined) return "removed";
  return before === after ? "same" : "changed";
}

async function addFiles(folder: string, prefix: string, state: Map<string, string>): Promise<void> {
  let entries: Deno.DirEntry[];
  try {
    entries = await Array.fromAsync(Deno.readDir(folder));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  for (const { name, isDirectory } of entries) {
    if (isDirectory) await addFiles(`${folder}/${name}`, `${prefix}${name}/`, state);
    else {
      const bytes = await Deno.readFile(`${folder}/${name}`);
      state.set(prefix + name, createHash("sha256").update(bytes).digest("hex"));
    }
  }
}
