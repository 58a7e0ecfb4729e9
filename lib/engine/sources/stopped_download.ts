/** A download that ended on this machine's side before it was whole: no other source would fare better. */
export class StoppedDownload extends Error {}

/** What a download had got when it ended. */
export interface Got {
  /** What is fetched. */
  readonly file: string;
  /** Bytes that are here, and stay. */
  readonly received: number;
  /** Bytes in all. */
  readonly size: number;
}

/** The error of a download that the user ended. */
export function interrupted({ file, received, size }: Got): StoppedDownload {
  return new StoppedDownload(
    `Cannot fetch ${file} as it was interrupted at ${received} of ${size} bytes: run it again, it goes on from there`,
  );
}

/**
 * Runs `write`, whose failures are one line that names the fix: the disk is full, or a quota is used up.
 *
 * @throws {StoppedDownload} if `write` throws
 */
export function orExplainDisk<T>({ file, received, size }: Got, folder: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoppedDownload(
      `Cannot keep more of ${file} than ${received} of ${size} bytes as the system says ${reason}: ` +
        `free ${size - received} bytes for ${folder}, or set KVMIRROR_CACHE to a folder elsewhere, and run it again`,
    );
  }
}
