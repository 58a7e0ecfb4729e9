import { fileSize } from "../../../files/exists.ts";
import { hashFile, hashKind } from "../../../files/hash.ts";
import { writeAll } from "../../../files/write_atomic.ts";
import type { FetchOptions } from "../settings.ts";
import { interrupted, orExplainDisk } from "../stopped_download.ts";
import { fetchOrExplain, NetworkError } from "./fetch_or_explain.ts";
import type { HubFile } from "./hub_file.ts";

/** The end of the name of a file that is not complete yet. */
export const PARTIAL = ".partial";
/** The most reconnections in a row that bring no new byte. */
const MAX_FRUITLESS_TRIES = 3;
/** Milliseconds before the first of them; each further one waits four times as long. */
const FIRST_PAUSE_MS = 100;

/**
 * Downloads a file, which appears atomically. Bytes of an earlier run stay beside it under a name with the file's own
 * and the beginning of its hash, so the download goes on from them only where the hub still has the same file. At the
 * end size and hash must equal those that the hub announced.
 *
 * @throws {StoppedDownload} if it is interrupted, or the disk takes no more
 * @throws {Error} in one line, if the server breaks off repeatedly or refuses, or size or hash differ
 */
export async function download(file: HubFile, path: string, options: FetchOptions = {}): Promise<void> {
  const partial = `${path}.${file.etag.slice(0, 16)}${PARTIAL}`;
  try {
    await complete(file, partial, options);
  } catch (error) {
    if (!options.signal?.aborted) throw error;
    throw interrupted({ file: file.path, received: fileSize(partial) ?? 0, size: file.size });
  }
  const hash = hashFile(partial, hashKind(file.etag));
  if (hash !== file.etag) {
    Deno.removeSync(partial);
    throw new Error(`Cannot use ${file.path} as its hash is ${hash} where ${file.etag} was announced: fetch it again`);
  }
  Deno.renameSync(partial, path);
}

/** Requests what is missing of a file until all of it is here. */
async function complete(file: HubFile, partial: string, { onProgress, signal }: FetchOptions): Promise<void> {
  let received = fileSize(partial) ?? 0;
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
        `Cannot fetch ${file.path} as the server breaks off at ${received} of ${file.size} bytes: ` +
          `run it again later, it goes on from there`,
      );
    }
    if (tries > 0) await pause(FIRST_PAUSE_MS * 4 ** (tries - 1), signal);
  }
  if (file.size === 0) Deno.writeFileSync(partial, new Uint8Array(0));
}

/** Appends the server's bytes until it ends or breaks off; returns the bytes of the file then. */
async function append(file: HubFile, partial: string, from: number, options: FetchOptions): Promise<number> {
  const { onProgress, signal } = options;
  const response = await request(file, from, signal);
  if (response === undefined) return from;
  // A server that ignores the range sends the file from its beginning.
  let received = response.status === 206 ? from : 0;
  using output = Deno.openSync(partial, { write: true, create: true, truncate: received === 0 });
  output.seekSync(received, Deno.SeekMode.Start);
  for await (const bytes of untilCut(response.body!, signal)) {
    if (received + bytes.length > file.size) {
      Deno.removeSync(partial);
      throw new Error(
        `Cannot use ${file.path} as the server sends more than the ${file.size} bytes announced: fetch it again`,
      );
    }
    const got = { file: file.path, received, size: file.size };
    orExplainDisk(got, partial.slice(0, partial.lastIndexOf("/")), () => writeAll(output, bytes));
    received += bytes.length;
    onProgress?.({ file: file.path, received, total: file.size });
  }
  return received;
}

/** Requests the rest of a file; undefined without a connection. */
async function request(file: HubFile, from: number, signal?: AbortSignal): Promise<Response | undefined> {
  const headers = { ...file.headers, "accept-encoding": "identity", ...(from > 0 && { range: `bytes=${from}-` }) };
  const response = await fetchOrExplain(file.url, { headers, signal }).catch((error) => {
    if (error instanceof NetworkError) return undefined;
    throw error;
  });
  if (response === undefined) return undefined;
  const type = response.headers.get("content-type") ?? "nothing";
  const start = Number(response.headers.get("content-range")?.match(/^bytes (\d+)-/)?.[1] ?? from);
  if (response.ok && response.body !== null && start === from && !/^text\/html/.test(type)) return response;
  await response.body?.cancel();
  if (response.status === 401 || response.status === 403) {
    throw new Error(
      `Cannot fetch ${file.path} as the hub answers ${response.status}: accept the model's terms there and set HF_TOKEN`,
    );
  }
  throw new Error(
    `Cannot fetch ${file.path} as the server answers ${response.status} ${type} in place of the file: ` +
      `check HF_ENDPOINT and the network`,
  );
}

/** The chunks of a body; a connection that breaks ends them like one that closes. */
async function* untilCut(body: ReadableStream<Uint8Array>, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    while (true) {
      const next = await reader.read().catch(() => undefined);
      signal?.throwIfAborted();
      if (next === undefined || next.done) return;
      yield next.value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  signal?.throwIfAborted();
}
