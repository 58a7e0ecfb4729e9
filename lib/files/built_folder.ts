import { dirname } from "node:path";
import { cacheFolder } from "./cache_folder.ts";
import { exists, fileSize } from "./exists.ts";
import { keepHash, keptHash } from "./hash.ts";
import { holdFolder, removeAbandoned } from "./held_folder.ts";
import { parseJsonObject } from "./json_object.ts";
import { explainedError } from "./system_error.ts";

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
    // One that was killed once the folder had its name left its lock, and nothing is built from then on.
    await removeAbandoned(BUILDING, dirname(folder)).catch(() => {});
    const damage = contents.length === 0 ? undefined : await damageOf(folder, contents);
    if (damage === undefined) return folder;
    onNotice?.(`${damage}: ${folder} is built anew`);
    await removeAtomically(folder);
  }
  try {
    return await buildAtomically(folder, build, contents);
  } catch (error) {
    throw explainedError(error, { action: "build", path: folder });
  }
}

async function buildAtomically(
  folder: string,
  build: (folder: string) => Promise<void> | void,
  contents: readonly string[],
): Promise<string> {
  const parent = dirname(folder);
  await Deno.mkdir(parent, { recursive: true });
  await removeDamaged(parent);
  await using building = await holdFolder(BUILDING, parent);
  await build(building.path);
  const notes = contents.length === 0 ? {} : await note(building.path, contents);
  try {
    await Deno.rename(building.path, folder);
    // Nobody else knew the files until now.
    for (const [name, { sha256 }] of Object.entries(notes)) await keepHash(`${folder}/${name}`, sha256);
  } catch (error) {
    // Another process was faster: what it built is as good as ours.
    if (!exists(folder)) throw error;
  }
  return folder;
}

/** What folders that are being built begin with, and what those end in that are being removed. */
const BUILDING = "building-";
const DAMAGED = ".damaged";

/** Removes what processes left that died while they removed a folder: nobody goes on with one. */
async function removeDamaged(parent: string): Promise<void> {
  for await (const { name } of Deno.readDir(parent)) {
    if (name.endsWith(DAMAGED)) await Deno.remove(`${parent}/${name}`, { recursive: true }).catch(() => {});
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
  const gone = `${folder}.${crypto.randomUUID().slice(0, 8)}${DAMAGED}`;
  await Deno.rename(folder, gone);
  await Deno.remove(gone, { recursive: true });
}
