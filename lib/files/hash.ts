import { createHash } from "node:crypto";
import { cacheFolder } from "./cache_folder.ts";
import { writeAtomicSync } from "./write_atomic.ts";

/** A file of a checkpoint: its name within it, and where it is. */
export interface ContentFile {
  readonly name: string;
  readonly path: string;
}

/** Bytes read at once. */
const CHUNK_BYTES = 1 << 22;
/** A file changed this many ms ago or less may change again without its times telling: its hash is not kept. */
const SETTLED_MS = 2000;

/**
 * sha256 of a checkpoint's content, hex: one file's own, or of several the hash over their names and hashes, in the order
 * of their names. Only the first start reads the files: see {@linkcode keptHash}.
 */
export async function contentHash(files: readonly ContentFile[], folder: string = cacheFolder()): Promise<string> {
  const sorted = files.toSorted((one, other) => one.name < other.name ? -1 : 1);
  const hashes: string[] = [];
  for (const { path } of sorted) hashes.push(await keptHash(path, folder));
  if (hashes.length === 1) return hashes[0];
  return textHash(sorted.map(({ name }, index) => `${hashes[index]}  ${name}\n`).join(""));
}

/**
 * sha256 of a file, hex. It is kept in the cache folder by the file's path, size, place on the disk and times of change,
 * so that a file that stays as it is is read once.
 */
export async function keptHash(path: string, folder: string = cacheFolder()): Promise<string> {
  const kept = await keptPath(path, folder, SETTLED_MS);
  if (kept === undefined) return hashFile(path, "sha256");
  const known = await Deno.readTextFile(kept).catch(() => "");
  if (/^[0-9a-f]{64}$/.test(known)) return known;
  const hash = hashFile(path, "sha256");
  keep(kept, hash);
  return hash;
}

/** File systems count time in steps of at most this many ms, those of old and foreign kinds aside. */
const TICK_MS = 100;

/**
 * Keeps the sha256 of a file that nobody else could write to before now, so that {@linkcode keptHash} need not read it. A
 * file that was written a moment ago is left out: the time of its next change might be the same.
 */
export async function keepHash(path: string, hash: string, folder: string = cacheFolder()): Promise<void> {
  const kept = await keptPath(path, folder, TICK_MS);
  if (kept !== undefined) keep(kept, hash);
}

/** Where a file's hash is kept; undefined where the file changed less than `settled` ms ago. */
async function keptPath(path: string, folder: string, settled: number): Promise<string | undefined> {
  const { size, mtime, ctime, ino, dev } = await Deno.stat(path);
  const times = [mtime, ctime].map((time) => time?.getTime() ?? 0);
  if (mtime === null || Date.now() - Math.max(...times) < settled) return undefined;
  const key = textHash([await Deno.realPath(path), size, ino, dev, ...times].join("\n"));
  return `${folder}/content_hashes/${key}`;
}

function keep(path: string, hash: string): void {
  try {
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    writeAtomicSync(path, hash);
  } catch {
    // A cache that cannot be written to costs time, not the result.
  }
}

/** sha256 of a text in UTF-8, hex. */
export function textHash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/**
 * The hash of a file as the model hub gives it, hex: `sha256` of the content, or `git`'s blob hash (sha1 behind a
 * header), which small files go by.
 */
export function hashFile(path: string, kind: "sha256" | "git"): string {
  using file = Deno.openSync(path);
  const hash = createHash(kind === "git" ? "sha1" : "sha256");
  if (kind === "git") hash.update(`blob ${file.statSync().size}\0`);
  const bytes = new Uint8Array(CHUNK_BYTES);
  for (let count = file.readSync(bytes); count !== null; count = file.readSync(bytes)) {
    hash.update(bytes.subarray(0, count));
  }
  return hash.digest("hex");
}

/** Which hash a hub's tag is: git's has 40 hex digits, sha256 has 64. */
export function hashKind(etag: string): "sha256" | "git" {
  return etag.length === 40 ? "git" : "sha256";
}
