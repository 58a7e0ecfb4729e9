import { fileSize } from "../../../files/exists.ts";
import { SHARD_INDEX, shardNames } from "../../checkpoint/safetensors/shard_index.ts";
import type { SourceSettings } from "../settings.ts";

/**
 * The snapshot of a repository in Hugging Face's own cache, if it is complete.
 *
 * @param repository `owner/name`
 */
export function findInHubCache(repository: string, { hubCache }: SourceSettings): string | undefined {
  if (hubCache === undefined) return undefined;
  const folder = `${hubCache}/models--${repository.replaceAll("/", "--")}`;
  const revision = readText(`${folder}/refs/main`)?.trim();
  if (revision === undefined || !/^[0-9a-f]+$/.test(revision)) return undefined;
  const snapshot = `${folder}/snapshots/${revision}`;
  return isWholeModel(snapshot) ? snapshot : undefined;
}

/** Whether a folder has a configuration, a tokenizer and every shard of its weights. */
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

function readText(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
