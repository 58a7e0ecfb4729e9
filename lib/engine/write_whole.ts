/**
 * Writes a file that appears whole or not at all: under another name until `write` has returned.
 *
 * @throws {RangeError} if the path is empty or a folder
 */
export async function writeWhole(path: string, write: (file: Deno.FsFile) => Promise<void> | void): Promise<void> {
  if (path === "" || isFolder(path)) {
    throw new RangeError(`Cannot write ${path || "to no path"}: name a file, not a folder`);
  }
  const unfinished = `${path}.${crypto.randomUUID().slice(0, 8)}.unfinished`;
  const file = Deno.openSync(unfinished, { write: true, createNew: true });
  try {
    try {
      await write(file);
      file.syncSync();
    } finally {
      file.close();
    }
    Deno.renameSync(unfinished, path);
  } catch (error) {
    Deno.removeSync(unfinished);
    throw error;
  }
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
