import { type ByteSource, checkSpan } from "./byte_source.ts";

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
