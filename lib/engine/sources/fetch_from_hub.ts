import { cacheFolder } from "../cache_folder.ts";
import { download } from "./download.ts";
import type { FetchOptions } from "./download_progress.ts";
import { isWholeModel } from "./hub_cache.ts";
import { describeHubFile, isOffline } from "./hub_file.ts";
import { withFileLock } from "./with_file_lock.ts";

const NEEDED = ["config.json", "tokenizer.json"];
const OPTIONAL = ["generation_config.json", "tokenizer_config.json"];
const SHARD_INDEX = "model.safetensors.index.json";
/** A shard's name stands in a file from the network: nothing but a name will do. */
const PLAIN_NAME = /^[\w.-]+\.safetensors$/;

/** Where models from the hub are kept; the folder of a whole one, if it is there. */
export function findFetched(repository: string): string | undefined {
  const folder = fetchedFolder(repository);
  return isWholeModel(folder) && !exists(`${folder}/.unfinished`) ? folder : undefined;
}

/**
 * Fetches a model's files from the hub, each whole or not at all, and goes on where an earlier run stopped.
 *
 * @param repository `owner/name`
 * @returns the folder
 * @throws {Error} in one line, with the fix, if the hub cannot serve it or the user asked to stay offline
 */
export async function fetchFromHub(repository: string, options: FetchOptions = {}): Promise<string> {
  if (isOffline()) {
    throw new Error(
      `Cannot fetch ${repository} as HF_HUB_OFFLINE is set: unset it, or give the path of a model on disk`,
    );
  }
  const folder = fetchedFolder(repository);
  Deno.mkdirSync(folder, { recursive: true });
  return await withFileLock(`${folder}/.lock`, async () => {
    if (findFetched(repository) !== undefined) return folder;
    Deno.writeTextFileSync(`${folder}/.unfinished`, "");
    for (const path of NEEDED) await fetchFile(repository, path, folder, options);
    for (const path of OPTIONAL) await fetchOptional(repository, path, folder, options);
    for (const path of await weightFiles(repository, folder, options)) {
      await fetchFile(repository, path, folder, options);
    }
    Deno.removeSync(`${folder}/.unfinished`);
    return folder;
  });
}

async function weightFiles(repository: string, folder: string, options: FetchOptions): Promise<string[]> {
  if (!await fetchOptional(repository, SHARD_INDEX, folder, options)) return ["model.safetensors"];
  const index = JSON.parse(Deno.readTextFileSync(`${folder}/${SHARD_INDEX}`));
  const shards = [...new Set<string>(Object.values(index?.weight_map ?? {}))];
  const strange = shards.find((name) => !PLAIN_NAME.test(name));
  if (strange !== undefined) {
    throw new SyntaxError(`Cannot fetch the shard ${JSON.stringify(strange)} as it is no plain name`);
  }
  return shards;
}

async function fetchFile(repository: string, path: string, folder: string, options: FetchOptions): Promise<void> {
  if (await fetchOptional(repository, path, folder, options)) return;
  throw new Error(`Cannot fetch ${path} of ${repository} as the hub has no such file: check the name, or set HF_TOKEN`);
}

/** Fetches a file unless it is here; false if the repository has none. */
async function fetchOptional(
  repository: string,
  path: string,
  folder: string,
  options: FetchOptions,
): Promise<boolean> {
  if (exists(`${folder}/${path}`)) return true;
  const file = await describeHubFile(repository, path, options.signal);
  if (file === undefined) return false;
  await download(file, `${folder}/${path}`, options);
  return true;
}

function fetchedFolder(repository: string): string {
  return `${cacheFolder()}/hub/${repository.replaceAll("/", "--")}`;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
