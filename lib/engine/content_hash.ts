import { createHash } from "node:crypto";
import { cacheFolder } from "./cache_folder.ts";

/** A file of a checkpoint: its name within it, and where it is. */
export interface ContentFile {
  readonly name: string;
  readonly path: string;
}

/** Bytes read at once. */
const CHUNK_BYTES = 1 << 22;
/** A file changed this many ms ago or less may change again without its time of change telling: its hash is not kept. */
const SETTLED_MS = 2000;

/**
 * sha256 of a checkpoint's content, hex: one file's own, or of several the hash over their names and hashes, in the order
 * of their names. A file's hash is kept in the cache folder by its path, size and time of change, so that only the
 * first start reads it.
 */
export async function contentHash(files: readonly ContentFile[], folder: string = cacheFolder()): Promise<string> {
  const sorted = files.toSorted((one, other) => one.name < other.name ? -1 : 1);
  const hashes: string[] = [];
  for (const { path } of sorted) hashes.push(await keptHash(path, folder));
  if (hashes.length === 1) return hashes[0];
  return textHash(sorted.map(({ name }, index) => `${hashes[index]}  ${name}\n`).join(""));
}

async function keptHash(path: string, folder: string): Promise<string> {
  const { size, mtime } = await Deno.stat(path);
  const changed = mtime?.getTime();
  if (changed === undefined || Date.now() - changed < SETTLED_MS) return await fileHash(path);
  const key = textHash(`${await Deno.realPath(path)}\n${size}\n${changed}`);
  const kept = `${folder}/content_hashes/${key}`;
  const known = await Deno.readTextFile(kept).catch(() => "");
  if (/^[0-9a-f]{64}$/.test(known)) return known;
  const hash = await fileHash(path);
  await keep(kept, hash).catch(() => {}); // a cache that cannot be written to costs time, not the result
  return hash;
}

async function keep(path: string, hash: string): Promise<void> {
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  const whole = `${path}.${crypto.randomUUID()}`;
  await Deno.writeTextFile(whole, hash);
  await Deno.rename(whole, path);
}

async function fileHash(path: string): Promise<string> {
  using file = await Deno.open(path, { read: true });
  const hash = createHash("sha256");
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (let count = await file.read(chunk); count !== null; count = await file.read(chunk)) {
    hash.update(chunk.subarray(0, count));
  }
  return hash.digest("hex");
}

function textHash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
