import { cacheFolder } from "./cache_folder.ts";
import { exists, fileSize } from "./exists.ts";
import { keptHash } from "./hash.ts";
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
  const building = await Deno.makeTempDir({ dir: parent, prefix: "building-" });
  try {
    await build(building);
    if (contents.length > 0) await note(building, contents);
    await Deno.rename(building, folder).catch((error) => {
      // Another process was faster: what it built is as good as ours.
      if (!exists(folder)) throw error;
    });
  } finally {
    await Deno.remove(building, { recursive: true }).catch(() => {});
  }
  return folder;
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

async function note(folder: string, contents: readonly string[]): Promise<void> {
  const notes: Record<string, { size: number; sha256: string }> = {};
  for (const name of contents) {
    const path = `${folder}/${name}`;
    notes[name] = { size: fileSize(path) ?? 0, sha256: await keptHash(path) };
  }
  Deno.writeTextFileSync(`${folder}/${NOTES}`, `${JSON.stringify(notes, null, 2)}\n`);
}

/** Nobody finds a part of the folder: it goes by another name before it is emptied. */
async function removeAtomically(folder: string): Promise<void> {
  const gone = `${folder}.${crypto.randomUUID().slice(0, 8)}.damaged`;
  await Deno.rename(folder, gone);
  await Deno.remove(gone, { recursive: true });
}
