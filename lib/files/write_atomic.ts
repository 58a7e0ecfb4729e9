import { dirname } from "node:path";
import { exists, isFolder } from "./exists.ts";
import { removeIfUnlocked, tryLock } from "./file_lock.ts";
import { explained, explainedError } from "./system_error.ts";

/** What files that are still being written end in. */
const UNFINISHED = ".unfinished";

/** What {@linkcode writeAll} writes to. */
export interface ByteSink {
  /** Writes some of the bytes and returns how many. */
  writeSync(bytes: Uint8Array): number;
}

/** Writes all of the bytes: one call of the system may write fewer than it was given. */
export function writeAll(sink: ByteSink, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += sink.writeSync(bytes.subarray(written));
}

/**
 * Writes a file atomically: it goes by another name until `write` has returned, so that nobody ever sees a part of it. What is written is on the disk by then.
 *
 * @throws {RangeError} if the path is empty or a folder
 */
export async function writeAtomic(path: string, write: (file: Deno.FsFile) => Promise<void> | void): Promise<void> {
  const { file, finish, discard } = openUnfinished(path);
  try {
    await write(file);
    file.syncSync();
  } catch (error) {
    discard();
    throw explainedError(error, { action: "write", path });
  }
  finish();
}

/**
 * Writes a small file's content atomically and at once: see {@linkcode writeAtomic}. It does not wait for the disk.
 *
 * @throws {RangeError} if the path is empty or a folder
 */
export function writeAtomicSync(path: string, content: string | Uint8Array): void {
  const { file, finish, discard } = openUnfinished(path);
  try {
    writeAll(file, typeof content === "string" ? new TextEncoder().encode(content) : content);
  } catch (error) {
    discard();
    throw explainedError(error, { action: "write", path });
  }
  finish();
}

/** A file under its unfinished name, and the two ways to end it. */
function openUnfinished(path: string): { file: Deno.FsFile; finish(): void; discard(): void } {
  if (path === "" || isFolder(path)) {
    throw new RangeError(`Cannot write ${path || "to no path"}: name a file, not a folder`);
  }
  removeAbandoned(dirname(path));
  const { unfinished, file } = explained({ action: "write", path }, () => createLocked(path));
  const discard = () => {
    file.close();
    Deno.removeSync(unfinished);
  };
  return {
    file,
    discard,
    finish: () => {
      // Its lock keeps others from taking the file for one that was left. Windows renames no open file.
      const closesFirst = Deno.build.os === "windows";
      if (closesFirst) file.close();
      try {
        Deno.renameSync(unfinished, path);
      } catch (error) {
        Deno.removeSync(unfinished);
        throw explainedError(error, { action: "write", path });
      } finally {
        if (!closesFirst) file.close();
      }
    },
  };
}

/** A new file that this process holds the lock of, where the file system has locks. */
function createLocked(path: string): { unfinished: string; file: Deno.FsFile } {
  while (true) {
    const unfinished = `${path}.${crypto.randomUUID().slice(0, 8)}${UNFINISHED}`;
    const file = Deno.openSync(unfinished, { write: true, createNew: true });
    // Before it was locked, somebody who tidied up may have taken it for one that was left.
    if (tryLock(file) !== "taken" && exists(unfinished)) return { unfinished, file };
    file.close();
  }
}

/** The names of {@linkcode createLocked}'s files. */
const UNFINISHED_NAME = new RegExp(`\\.[0-9a-f]{8}\\${UNFINISHED}$`);

const tidied = new Set<string>();

/** Removes, once a process and folder, what processes left that died while they wrote: the system let go of their locks. */
function removeAbandoned(folder: string): void {
  if (tidied.has(folder)) return;
  tidied.add(folder);
  try {
    for (const { name } of Deno.readDirSync(folder)) {
      if (UNFINISHED_NAME.test(name)) removeIfUnlocked(`${folder}/${name}`);
    }
  } catch {
    // A folder that cannot be read is left as it is.
  }
}
