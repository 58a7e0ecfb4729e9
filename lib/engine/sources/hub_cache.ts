import { fileSize } from "./file_size.ts";
import { SHARD_INDEX, shardNames } from "./shard_names.ts";

/**
 * The snapshot of a repository in Hugging Face's own cache on this machine (`HF_HUB_CACHE`, else `HF_HOME/hub`, else
 * `huggingface/hub` in `XDG_CACHE_HOME` or `~/.cache`), if it is whole.
 *
 * @param repository `owner/name`
 */
export function findInHubCache(repository: string): string | undefined {
  const root = hubCacheFolder();
  if (root === undefined) return undefined;
  const folder = `${root}/models--${repository.replaceAll("/", "--")}`;
  const revision = readText(`${folder}/refs/main`)?.trim();
  if (revision === undefined || !/^[0-9a-f]+$/.test(revision)) return undefined;
  const snapshot = `${folder}/snapshots/${revision}`;
  return isWholeModel(snapshot) ? snapshot : undefined;
}

/** Whether a folder has a configuration, a tokenizer and its weights, each shard of them. */
export function isWholeModel(folder: string): boolean {
  const has = (name: string) => fileSize(`${folder}/${name}`) !== undefined;
  if (!has("config.json") || !has("tokenizer.json")) return false;
  if (!has(SHARD_INDEX)) return has("model.safetensors");
  try {
    return shardNames(Deno.readFileSync(`${folder}/${SHARD_INDEX}`)).every(has);
  } catch {
    return false;
  }
}

function hubCacheFolder(): string | undefined {
  const set = (name: string) => Deno.env.get(name) || undefined;
  const own = set("HF_HUB_CACHE");
  if (own !== undefined) return own;
  const home = set("HOME") ?? set("USERPROFILE");
  const caches = set("XDG_CACHE_HOME") ?? (home === undefined ? undefined : `${home}/.cache`);
  const huggingFace = set("HF_HOME") ?? (caches === undefined ? undefined : `${caches}/huggingface`);
  return huggingFace === undefined ? undefined : `${huggingFace}/hub`;
}

function readText(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
