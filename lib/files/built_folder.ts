import { cacheFolder } from "./cache_folder.ts";
import { exists, fileSize } from "./exists.ts";
import { keepHash, keptHash } from "./hash.ts";
import { parseJsonObject } from "./json_object.ts";

/** What a built folder notes of its files: `{ name: { size, sha256 } }`. */
const NOTES = "build.json";

/** Options of {@linkcode builtFolder}. */
export interface BuiltFolderOptions {
  /** Where built folders are; the user's cache folder by default. */
  readonly cache?: string;
  /** Files whose sizes and hashes are noted when they are built and checked each time; none by default. */
  readonly contents?: readonly string[];
  /** Called with a sentence when a folder was damaged and is built anew. */
  readonly onNotice?: (notice: string) => void;
}

/**
 * A folder of built files in the cache, built if it is not there yet: it appears atomically. One whose files are not as
 * they were built is built anew.
 *
 * @param name what it was built from and how, `models/<hash>-int4-<fingerprint>`
 * @param build fills an empty folder
 * @returns its path
 */
export async function builtFolder(
  name: string,
  build: (folder: string) => Promise<void> | void,
  { cache = cacheFolder(), contents = [], onNotice }: BuiltFolderOptions = {},
): Promise<string> {
  const folder = `${cache}/${name}`;
  if (exists(folder)) {
    const damage = contents.length === 0 ? undefined : await damageOf(folder, contents);
    if (damage === undefined) return folder;
    onNotice?.(`${damage}: ${folder} is built anew`);
    await removeAtomically(folder);
  }
  const parent = folder.slice(0, folder.lastIndexOf("/"));
  await Deno.mkdir(parent, { recursive: true });
  await removeAbandoned(parent);
  const lock = await Deno.makeTempFile({ dir: parent, prefix: BUILDING, suffix: LOCK });
  const building = lock.slice(0, -LOCK.length);
  using held = await Deno.open(lock, { write: true });
  await held.lock(true);
  try {
    await Deno.mkdir(building);
    await build(building);
    const notes = contents.length === 0 ? {} : await note(building, contents);
    try {
      await Deno.rename(building, folder);
      // Nobody else knew the files until now.
      for (const [name, { sha256 }] of Object.entries(notes)) await keepHash(`${folder}/${name}`, sha256);
    } catch (error) {
      // Another process was faster: what it built is as good as ours.
      if (!exists(folder)) throw error;
    }
  } finally {
    for (const left of [building, lock]) await Deno.remove(left, { recursive: true }).catch(() => {});
  }
  return folder;
}

/** What folders that are being built begin with, and what the files end in that their builders hold locks of. */
const BUILDING = "building-";
const LOCK = ".lock";

/** Removes what processes left that died while they built: the system lets go of their locks. */
async function removeAbandoned(parent: string): Promise<void> {
  for await (const { name } of Deno.readDir(parent)) {
    if (!name.startsWith(BUILDING) || !name.endsWith(LOCK)) continue;
    const lock = `${parent}/${name}`;
    try {
      using file = await Deno.open(lock, { write: true });
      if (!await file.tryLock(true)) continue;
      await Deno.remove(lock.slice(0, -LOCK.length), { recursive: true }).catch(() => {});
      await Deno.remove(lock);
    } catch {
      // Its builder, or somebody who tidies up as well, was faster.
    }
  }
}

/** What is wrong with a folder's files, in words; undefined if they are as they were noted. */
async function damageOf(folder: string, contents: readonly string[]): Promise<string | undefined> {
  let notes: Record<string, unknown>;
  try {
    notes = parseJsonObject(Deno.readFileSync(`${folder}/${NOTES}`), NOTES);
  } catch {
    return `${NOTES} is missing or damaged`;
  }
  for (const name of contents) {
    const { size, sha256 } = (notes[name] ?? {}) as { size?: unknown; sha256?: unknown };
    const found = fileSize(`${folder}/${name}`);
    if (found !== size) return `${name} has ${found ?? "no"} bytes where ${size ?? "none"} were built`;
    if (await keptHash(`${folder}/${name}`) !== sha256) return `${name} has another sha256 than when it was built`;
  }
}

/** Notes what files are as they were built. */
async function note(folder: string, contents: readonly string[]): Promise<Record<string, BuiltFile>> {
  const notes: Record<string, BuiltFile> = {};
  for (const name of contents) {
    const path = `${folder}/${name}`;
    notes[name] = { size: fileSize(path) ?? 0, sha256: await keptHash(path) };
  }
  Deno.writeTextFileSync(`${folder}/${NOTES}`, `${JSON.stringify(notes, null, 2)}\n`);
  return notes;
}

interface BuiltFile {
  readonly size: number;
  readonly sha256: string;
}

/** Nobody finds a part of the folder: it goes by another name before it is emptied. */
async function removeAtomically(folder: string): Promise<void> {
  const gone = `${folder}.${crypto.randomUUID().slice(0, 8)}.damaged`;
  await Deno.rename(folder, gone);
  await Deno.remove(gone, { recursive: true });
}
