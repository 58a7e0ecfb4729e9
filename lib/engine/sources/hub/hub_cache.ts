import { fileSize, isFolder } from "../../../files/exists.ts";
import { partNames } from "../../checkpoint/gguf/gguf_checkpoint.ts";
import { SHARD_INDEX, shardNames } from "../../checkpoint/safetensors/shard_index.ts";
import type { HubPlace } from "../known_models.ts";
import type { SourceSettings } from "../settings.ts";

/** The snapshot of a repository in Hugging Face's own cache, if it is whole, or the one file that is asked for. */
export function findInHubCache({ repository, file, sha256 }: HubPlace, settings: SourceSettings): string | undefined {
  const snapshot = snapshotOf(repository, settings);
  if (snapshot === undefined) return undefined;
  if (file === undefined) return isWholeModel(snapshot) ? snapshot : undefined;
  const path = `${snapshot}/${file}`;
  if (partNames(file).some((part) => fileSize(`${snapshot}/${part}`) === undefined)) return undefined;
  // A copy in place of a link says nothing of its hash.
  const hash = blobHash(path) ?? sha256;
  return sha256 === undefined || hash === sha256 ? path : undefined;
}

/** The files of a repository that are in Hugging Face's own cache, by their paths in the repository. */
export function filesInHubCache(repository: string, settings: SourceSettings): string[] {
  const snapshot = snapshotOf(repository, settings);
  return snapshot === undefined ? [] : [...filesUnder(snapshot)];
}

/**
 * The hash that a link of Hugging Face's cache leads to, as its blobs are named by theirs: sha256 (64 hex digits) or
 * git's (40). Undefined where the file is no such link.
 */
export function blobHash(path: string): string | undefined {
  if (!Deno.lstatSync(path).isSymlink) return undefined;
  const blob = Deno.realPathSync(path).split(/[\\/]/).at(-1)!;
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(blob) ? blob : undefined;
}

/** The files in a folder and in the folders within, by their paths in it; none where there is no such folder. */
export function* filesUnder(folder: string): Generator<string> {
  if (!isFolder(folder)) return;
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (!isDirectory) yield name;
    else for (const inner of filesUnder(`${folder}/${name}`)) yield `${name}/${inner}`;
  }
}

function snapshotOf(repository: string, { hubCache }: SourceSettings): string | undefined {
  if (hubCache === undefined) return undefined;
  const folder = `${hubCache}/models--${repository.replaceAll("/", "--")}`;
  const revision = readText(`${folder}/refs/main`)?.trim();
  return revision !== undefined && /^[0-9a-f]+$/.test(revision) ? `${folder}/snapshots/${revision}` : undefined;
}

/** Whether a folder has a configuration, a tokenizer and every shard of its weights. */
function isWholeModel(folder: string): boolean {
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
