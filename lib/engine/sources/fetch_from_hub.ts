import { download, PARTIAL } from "./download.ts";
import type { FetchOptions } from "./download_progress.ts";
import { type FetchedFile, readFetched, writeFetched } from "./fetched_files.ts";
import { fileSize } from "./file_size.ts";
import { hashFile, hashKind } from "./hash_file.ts";
import { describeHubFile } from "./hub_file.ts";
import { SHARD_INDEX, shardNames } from "./shard_names.ts";
import { type SourceSettings, sourceSettings } from "./source_settings.ts";
import { withFileLock } from "./with_file_lock.ts";

const NEEDED = ["config.json", "tokenizer.json"];
const OPTIONAL = ["generation_config.json", "tokenizer_config.json"];

/** The folder of a model that was fetched from the hub, if it is whole. */
export function findFetched(repository: string, settings: SourceSettings): string | undefined {
  const folder = fetchedFolder(repository, settings);
  return readFetched(folder) === undefined ? undefined : folder;
}

/**
 * Fetches a model's files from the hub, each whole or not at all, and goes on where an earlier run stopped. They are
 * kept in our own cache: Hugging Face's has its own rules of links and locks, and is only read.
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

/** Fetches a file unless the very same is here; undefined if the repository has none. */
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

/** What is left of files that were replaced on the hub between two runs. */
function removePartials(folder: string): void {
  for (const { name } of Deno.readDirSync(folder)) {
    if (name.endsWith(PARTIAL)) Deno.removeSync(`${folder}/${name}`);
  }
}

function fetchedFolder(repository: string, { cache }: SourceSettings): string {
  return `${cache}/hub/${repository.replaceAll("/", "--")}`;
}
