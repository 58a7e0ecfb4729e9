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
