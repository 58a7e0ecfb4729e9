/** Bytes that can be read anywhere, so that a huge file need not be loaded whole. */
export interface ByteSource {
  /** Bytes in all. */
  readonly size: number;
  /**
   * The bytes `offset … offset + length − 1`. They may be a view of the source's own: read them, never write.
   *
   * @throws {RangeError} if they do not lie inside the source
   */
  read(offset: number, length: number): Uint8Array;
}

/** A source over bytes in memory. */
export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read: (offset, length) => {
      checkSpan(bytes.length, offset, length);
      return bytes.subarray(offset, offset + length);
    },
  };
}

/** Throws a RangeError unless `length` bytes from `offset` lie inside `size`. */
function checkSpan(size: number, offset: number, length: number): void {
  const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
  if (whole && offset >= 0 && length >= 0 && offset + length <= size) return;
  throw new RangeError(`Cannot read ${length} bytes from byte ${offset} as there are ${size} bytes`);
}

/**
 * A source over a file, open until it is disposed of. Each read gives bytes of its own.
 *
 * @throws {Deno.errors.NotFound} if there is no such file
 */
export function openFileSource(path: string): ByteSource & Disposable {
  const file = Deno.openSync(path, { read: true });
  const { size } = file.statSync();
  let open = true;
  return {
    size,
    read: (offset, length) => {
      checkSpan(size, offset, length);
      file.seekSync(offset, Deno.SeekMode.Start);
      return readExactly(file, length, path);
    },
    [Symbol.dispose]: () => {
      if (open) file.close();
      open = false;
    },
  };
}

function readExactly(file: Deno.FsFile, length: number, path: string): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let filled = 0; filled < length;) {
    const count = file.readSync(bytes.subarray(filled));
    if (count === null) throw new RangeError(`Cannot read ${path} to its end as it shrank while it was open`);
    filled += count;
  }
  return bytes;
}
