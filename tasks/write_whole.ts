/** Writes a file that appears whole or not at all: under another name until `write` has returned. */
export async function writeWhole(path: string, write: (file: Deno.FsFile) => Promise<void> | void): Promise<void> {
  const unfinished = `${path}.${crypto.randomUUID().slice(0, 8)}.unfinished`;
  const file = Deno.openSync(unfinished, { write: true, createNew: true });
  try {
    await write(file);
    file.syncSync();
  } catch (error) {
    file.close();
    Deno.removeSync(unfinished);
    throw error;
  }
  file.close();
  Deno.renameSync(unfinished, path);
}
