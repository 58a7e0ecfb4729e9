/**
 * Runs `body` while no other process runs one under the same lock: two that want one model fetch it once. The system
 * lets go of the lock if the process dies.
 */
export async function withFileLock<T>(path: string, body: () => Promise<T>): Promise<T> {
  using file = await Deno.open(path, { write: true, create: true });
  await file.lock(true);
  try {
    return await body();
  } finally {
    await file.unlock();
  }
}

/** Locks an open file. `taken`: another process holds its lock. `unknown`: the file system has no locks. */
export function tryLock(file: Deno.FsFile): "held" | "taken" | "unknown" {
  try {
    return file.tryLockSync(true) ? "held" : "taken";
  } catch {
    return "unknown";
  }
}

/**
 * Removes a file that the process which held its lock left when it died; one that is locked stays.
 *
 * @param before is run first, under the lock: what belongs to the file goes with it
 */
export function removeIfUnlocked(path: string, before: () => void = () => {}): void {
  try {
    using file = Deno.openSync(path, { write: true });
    if (tryLock(file) !== "held") return;
    before();
    Deno.removeSync(path);
  } catch {
    // Somebody who tidies up as well was faster.
  }
}
