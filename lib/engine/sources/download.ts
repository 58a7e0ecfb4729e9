import { createHash } from "node:crypto";
import type { FetchOptions } from "./download_progress.ts";
import { type HubFile, reach } from "./hub_file.ts";

/** A connection that breaks is taken up again this many times in a row without a single new byte. */
const MAX_FRUITLESS_TRIES = 3;

/**
 * Downloads a file that appears whole or not at all. What an earlier run got stays beside it under another name, and
 * the download goes on from there; at the end size and hash must be those that the hub announced.
 *
 * @throws {Error} in one line, if the server breaks off again and again, refuses, or the bytes are not those announced
 */
export async function download(file: HubFile, path: string, { onProgress, signal }: FetchOptions = {}): Promise<void> {
  const partial = `${path}.${file.etag.slice(0, 16)}.partial`;
  let received = fileSize(partial);
  if (received > file.size) {
    Deno.removeSync(partial);
    received = 0;
  }
  for (let tries = 0; received < file.size;) {
    const before = received;
    received = await append(file, partial, received, { onProgress, signal });
    tries = received > before ? 0 : tries + 1;
    if (tries >= MAX_FRUITLESS_TRIES) {
      throw new Error(
        `Cannot fetch ${file.path} as the server breaks off at ${received} of ${file.size} bytes: try again later`,
      );
    }
  }
  if (file.size === 0) Deno.writeFileSync(partial, new Uint8Array(0));
  const hash = hashFile(partial, file);
  if (hash !== file.etag) {
    Deno.removeSync(partial);
    throw new Error(`Cannot use ${file.path} as its hash is ${hash} where ${file.etag} was announced: fetch it again`);
  }
  Deno.renameSync(partial, path);
}

/** Appends what the server sends until it ends or breaks off; returns the bytes that are there now. */
async function append(
  file: HubFile,
  partial: string,
  from: number,
  { onProgress, signal }: FetchOptions,
): Promise<number> {
  const headers = from > 0 ? { ...file.headers, range: `bytes=${from}-` } : file.headers;
  const response = await reach(file.url, { headers, signal });
  const type = response.headers.get("content-type") ?? "nothing";
  if (!response.ok || response.body === null || /^text\/html/.test(type)) {
    await response.body?.cancel();
    throw new Error(`Cannot fetch ${file.path} as the server answers ${response.status} ${type} in place of the file`);
  }
  // A server that ignores the range sends the file from its beginning.
  let received = response.status === 206 ? from : 0;
  const output = Deno.openSync(partial, { write: true, create: true });
  try {
    output.truncateSync(received);
    output.seekSync(received, Deno.SeekMode.Start);
    for await (const bytes of response.body) {
      if (received + bytes.length > file.size) throw new RangeError("more than announced");
      for (let written = 0; written < bytes.length;) written += output.writeSync(bytes.subarray(written));
      received += bytes.length;
      onProgress?.({ file: file.path, received, total: file.size });
    }
  } catch (error) {
    if (signal?.aborted) throw error;
    if (error instanceof RangeError) {
      Deno.removeSync(partial);
      throw new Error(
        `Cannot use ${file.path} as the server sends more than the ${file.size} bytes announced: try again`,
      );
    }
  } finally {
    output.close();
  }
  return received;
}

/** The hash that the hub would give the file: sha256 of large files, git's blob hash of others. */
export function hashFile(path: string, { etag, size }: Pick<HubFile, "etag" | "size">): string {
  const git = etag.length === 40;
  const hash = createHash(git ? "sha1" : "sha256");
  if (git) hash.update(`blob ${size}\0`);
  const file = Deno.openSync(path);
  try {
    const bytes = new Uint8Array(1 << 20);
    for (let count = file.readSync(bytes); count !== null; count = file.readSync(bytes)) {
      hash.update(bytes.subarray(0, count));
    }
  } finally {
    file.close();
  }
  return hash.digest("hex");
}

function fileSize(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}
