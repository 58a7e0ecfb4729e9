import { fileSize } from "../../../files/exists.ts";
import { withFileLock } from "../../../files/file_lock.ts";
import { hashFile, hashKind } from "../../../files/hash.ts";
import { parseJsonObject } from "../../../files/json_object.ts";
import { writeAtomicSync } from "../../../files/write_atomic.ts";
import { SHARD_INDEX, shardNames } from "../../checkpoint/safetensors/shard_index.ts";
import { type FetchOptions, type SourceSettings, sourceSettings } from "../settings.ts";
import { download, PARTIAL } from "./download.ts";
import { describeHubFile } from "./hub_file.ts";

const NEEDED = ["config.json", "tokenizer.json"];
const OPTIONAL = ["generation_config.json", "tokenizer_config.json"];

/** The folder of a model that was fetched from the hub, if it is complete. */
export function findFetched(repository: string, settings: SourceSettings): string | undefined {
  const folder = fetchedFolder(repository, settings);
  return readFetched(folder) === undefined ? undefined : folder;
}

/**
 * Fetches a model's files from the hub, each atomically, and goes on where an earlier run stopped. The files go to our
 * own cache: Hugging Face's cache, with its own links and locks, is only read.
 *
 * @param repository `owner/name`
 * @returns the folder
 * @throws {Error} in one line, with the fix, if the hub cannot serve it or the user asked to stay offline
 */
export async function fetchFromHub(repository: string, options: FetchOptions = {}): Promise<string> {
  const settings = options.settings ?? sourceSettings();
  if (settings.offline) {
    throw new Error(
      `Cannot fetch ${repository} as HF_HUB_OFFLINE is set: unset it, or give the path of a model on disk`,
    );
  }
  const folder = fetchedFolder(repository, settings);
  Deno.mkdirSync(folder, { recursive: true });
  return await withFileLock(`${folder}/.lock`, async () => {
    if (findFetched(repository, settings) !== undefined) return folder;
    const fetched: FetchedFile[] = [];
    const fetchOptional = async (path: string): Promise<boolean> => {
      const file = await fetchFile(repository, path, folder, { ...options, settings });
      if (file !== undefined) fetched.push(file);
      return file !== undefined;
    };
    const fetchNeeded = async (path: string): Promise<void> => {
      if (await fetchOptional(path)) return;
      throw new Error(
        `Cannot fetch ${path} of ${repository} as the hub has no such file: check the name, or set HF_TOKEN`,
      );
    };
    for (const path of NEEDED) await fetchNeeded(path);
    for (const path of OPTIONAL) await fetchOptional(path);
    const sharded = await fetchOptional(SHARD_INDEX);
    const weights = sharded ? shardNames(Deno.readFileSync(`${folder}/${SHARD_INDEX}`)) : ["model.safetensors"];
    for (const path of weights) await fetchNeeded(path);
    writeFetched(folder, repository, fetched);
    removePartials(folder);
    return folder;
  });
}

/** Fetches a file unless the same file is here; undefined if the repository has none. */
async function fetchFile(
  repository: string,
  path: string,
  folder: string,
  options: FetchOptions & { readonly settings: SourceSettings },
): Promise<FetchedFile | undefined> {
  const file = await describeHubFile(repository, path, options.settings, options.signal);
  if (file === undefined) return undefined;
  const target = `${folder}/${path}`;
  const here = fileSize(target) === file.size && hashFile(target, hashKind(file.etag)) === file.etag;
  if (!here) await download(file, target, options);
  return file;
}

/** Removes the parts of files that were replaced on the hub between two runs. */
function removePartials(folder: string): void {
  for (const { name } of Deno.readDirSync(folder)) {
    if (name.endsWith(PARTIAL)) Deno.removeSync(`${folder}/${name}`);
  }
}

function fetchedFolder(repository: string, { cache }: SourceSettings): string {
  return `${cache}/hub/${repository.replaceAll("/", "--")}`;
}

const NAME = "fetched.json";

/** A file that was fetched from the hub, and the hub's facts about it. */
export interface FetchedFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** sha256 (64 hex digits) or git's blob hash (40). */
  readonly etag: string;
}

/** The files that {@linkcode writeFetched} noted; undefined unless all of them exist in their size. */
export function readFetched(folder: string): readonly FetchedFile[] | undefined {
  if (fileSize(`${folder}/${NAME}`) === undefined) return undefined;
  try {
    const { files } = parseJsonObject(Deno.readFileSync(`${folder}/${NAME}`), NAME) as { files: FetchedFile[] };
    return files.every(({ path, size }) => fileSize(`${folder}/${path}`) === size) ? files : undefined;
  } catch {
    return undefined;
  }
}

/** Notes that a model's folder is complete, and its files' hashes: written last, atomically. */
export function writeFetched(folder: string, repository: string, files: readonly FetchedFile[]): void {
  const noted = files.map(({ path, size, etag }) => ({ path, size, etag }));
  writeAtomicSync(`${folder}/${NAME}`, `${JSON.stringify({ repository, files: noted }, null, 2)}\n`);
}
