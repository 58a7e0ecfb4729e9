import { removeIfUnlocked } from "./file_lock.ts";

/** A folder that a process works in for the time being. */
export interface HeldFolder extends AsyncDisposable {
  /** Its path; it is there and empty. */
  readonly path: string;
}

/** What the file ends in that a folder's holder has a lock of. */
const LOCK = ".lock";
/** What it ends in beside, before it is locked. */
const UNNAMED = ".new";

/**
 * Makes a folder of a name of its own. It goes when it is disposed of; a process that was killed leaves it to the next one
 * that makes such a folder there, as the system lets go of its lock.
 *
 * @param prefix what such folders' names begin with
 * @param parent where it is made; the system's folder for temporary files by default
 */
export async function holdFolder(prefix: string, parent?: string): Promise<HeldFolder> {
  const { lock, held } = await takeLock(prefix, parent);
  const path = lock.slice(0, -LOCK.length);
  await removeAbandoned(prefix, lock.slice(0, -lock.split(/[\\/]/).at(-1)!.length - 1), lock);
  await Deno.mkdir(path);
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await Deno.remove(path, { recursive: true }).catch(() => {}); // It may have got another name.
      held.close();
      await Deno.remove(lock).catch(() => {});
    },
  };
}

/** Makes a file of a name of its own, and locks it. */
async function takeLock(prefix: string, parent?: string): Promise<{ lock: string; held: Deno.FsFile }> {
  // It gets its name only once it is locked: without a lock, another process would take it for one that was left. Until
  // then one that tidies up may remove it, and another is made.
  while (true) {
    const unnamed = await Deno.makeTempFile({ dir: parent, prefix, suffix: `${LOCK}${UNNAMED}` });
    const lock = unnamed.slice(0, -UNNAMED.length);
    const held = await openIfThere(unnamed);
    if (held === undefined) continue;
    await held.lock(true).catch(() => {}); // Where the file system has no locks, nothing is ever tidied up.
    try {
      await Deno.rename(unnamed, lock);
      return { lock, held };
    } catch (error) {
      held.close();
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

async function openIfThere(path: string): Promise<Deno.FsFile | undefined> {
  try {
    return await Deno.open(path, { write: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Removes the folders and locks that processes left which were killed.
 *
 * @param own the lock of a folder that stays
 */
export async function removeAbandoned(prefix: string, parent: string, own?: string): Promise<void> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(parent)) names.push(name);
  for (const name of names.filter((name) => name.startsWith(prefix))) {
    const lock = `${parent}/${name}`;
    if (name.endsWith(LOCK) && lock !== own) {
      removeIfUnlocked(lock, () => {
        const folder = lock.slice(0, -LOCK.length);
        if (names.includes(name.slice(0, -LOCK.length))) Deno.removeSync(folder, { recursive: true });
      });
    } else if (name.endsWith(LOCK + UNNAMED)) removeIfUnlocked(lock);
  }
}
