import { fileSize } from "../../../files/exists.ts";
import { withFileLock } from "../../../files/file_lock.ts";
import { hashFile, hashKind } from "../../../files/hash.ts";
import { parseJsonObject } from "../../../files/json_object.ts";
import { writeAtomicSync } from "../../../files/write_atomic.ts";
import { partNames } from "../../checkpoint/gguf/gguf_checkpoint.ts";
import { SHARD_INDEX, shardNames } from "../../checkpoint/safetensors/shard_index.ts";
import { type HubPlace, placeLabel } from "../known_models.ts";
import { type FetchOptions, type SourceSettings, sourceSettings } from "../settings.ts";
import { download, PARTIAL } from "./download.ts";
import { filesUnder } from "./hub_cache.ts";
import { describeHubFile, type HubFile } from "./hub_file.ts";

const NEEDED = ["config.json", "tokenizer.json"];
const OPTIONAL = [
  "generation_config.json",
  "tokenizer_config.json",
  "chat_template.jinja",
  "special_tokens_map.json",
  "added_tokens.json",
];

/**
 * Fetches a model's files from the hub, or the one file that it is, each atomically, and goes on where an earlier run
 * stopped. They are kept in our own cache: Hugging Face's has its own rules of links and locks, and is only read.
 *
 * @returns the folder, or the file
 * @throws {Error} in one line, with the fix, if the hub cannot serve it or the user asked to stay offline
 */
export async function fetchFromHub(place: HubPlace, options: FetchOptions = {}): Promise<string> {
  const settings = options.settings ?? sourceSettings();
  if (settings.offline) {
    throw new Error(
      `Cannot fetch ${placeLabel(place)} as HF_HUB_OFFLINE is set: unset it, or give the path of a model on disk`,
    );
  }
  const folder = repositoryFolder(place, settings);
  Deno.mkdirSync(folder, { recursive: true });
  return await withFileLock(`${folder}/.lock`, async () => {
    const here = findFetched(place, settings);
    if (here !== undefined) return here.path;
    const withSettings = { ...options, settings };
    const files: HubFile[] = place.file === undefined ? await fetchFolder(place.repository, folder, withSettings) : [];
    for (const part of partsOf(place)) files.push(await fetchOne(place, part, folder, withSettings));
    writeFetched(place, files, settings);
    removePartials(place, settings);
    return fetchedPath(place, settings);
  });
}

/** The files that a place names: one, or all parts of a split GGUF; none where it is a folder. */
function partsOf({ file }: HubPlace): string[] {
  return file === undefined ? [] : partNames(file);
}

/** Options whose settings are known. */
type Settled = FetchOptions & { readonly settings: SourceSettings };

async function fetchFolder(repository: string, folder: string, options: Settled): Promise<HubFile[]> {
  const fetched: HubFile[] = [];
  const fetchOptional = async (path: string): Promise<boolean> => {
    const file = await describeHubFile(repository, path, options.settings, options.signal);
    if (file === undefined) return false;
    await fetchFile(file, folder, options);
    fetched.push(file);
    return true;
  };
  const fetchNeeded = async (path: string): Promise<void> => {
    if (!await fetchOptional(path)) throw noSuchFile(repository, path);
  };
  for (const path of NEEDED) await fetchNeeded(path);
  for (const path of OPTIONAL) await fetchOptional(path);
  const sharded = await fetchOptional(SHARD_INDEX);
  const weights = sharded ? shardNames(Deno.readFileSync(`${folder}/${SHARD_INDEX}`)) : ["model.safetensors"];
  for (const path of weights) await fetchNeeded(path);
  return fetched;
}

async function fetchOne(
  { repository, sha256 }: HubPlace,
  path: string,
  folder: string,
  options: Settled,
): Promise<HubFile> {
  const file = await describeHubFile(repository, path, options.settings, options.signal);
  if (file === undefined) throw noSuchFile(repository, path);
  if (sha256 !== undefined && file.etag !== sha256) {
    throw new Error(
      `Cannot use ${path} of ${repository} as the hub has ${file.etag} where ${sha256} is known: ` +
        `name hub:${repository}/${path} to take what is there now`,
    );
  }
  await fetchFile(file, folder, options);
  return file;
}

function noSuchFile(repository: string, path: string): Error {
  return new Error(
    `Cannot fetch ${path} of ${repository} as the hub has no such file: check the name, or set HF_TOKEN`,
  );
}

/** Fetches a file unless the very same is here. */
async function fetchFile(file: HubFile, folder: string, options: Settled): Promise<void> {
  const target = `${folder}/${file.path}`;
  const here = fileSize(target) === file.size && hashFile(target, hashKind(file.etag)) === file.etag;
  if (here) return;
  Deno.mkdirSync(target.slice(0, target.lastIndexOf("/")), { recursive: true });
  await download(file, target, options);
}

/** Removes what earlier runs got of the files of a model: files that were replaced on the hub, or that came otherwise. */
export function removePartials(place: HubPlace, settings: SourceSettings): void {
  const folder = repositoryFolder(place, settings);
  // A repository's folder may hold a GGUF file that is still to be finished: it is a model of its own.
  const isOurs = (path: string) =>
    place.file === undefined ? !/\.gguf\./i.test(path) : partsOf(place).some((part) => path.startsWith(`${part}.`));
  for (const path of [...filesUnder(folder)]) {
    if (path.endsWith(PARTIAL) && isOurs(path)) Deno.removeSync(`${folder}/${path}`);
  }
}

function repositoryFolder({ repository }: HubPlace, { cache }: SourceSettings): string {
  return `${cache}/hub/${repository.replaceAll("/", "--")}`;
}

function fetchedPath(place: HubPlace, settings: SourceSettings): string {
  const folder = repositoryFolder(place, settings);
  return place.file === undefined ? folder : `${folder}/${place.file}`;
}

/** The note on a folder lies in it; the note on a single file lies beside it and is called after it. */
const NOTE = "fetched.json";

function notePath(place: HubPlace, settings: SourceSettings): string {
  return `${fetchedPath(place, settings)}${place.file === undefined ? "/" : "."}${NOTE}`;
}

/** A file that was fetched from the hub, and the hub's facts about it. */
export interface FetchedFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** sha256 (64 hex digits) or git's blob hash (40). */
  readonly etag: string;
}

/** A model that was fetched from the hub. */
export interface FetchedModel {
  /** Its folder, or the one file that it is. */
  readonly path: string;
  /** Its files, their paths on this machine. */
  readonly files: readonly FetchedFile[];
}

/** A model that was fetched from the hub; undefined unless all its files are here in their size. */
export function findFetched(place: HubPlace, settings: SourceSettings): FetchedModel | undefined {
  const note = notePath(place, settings);
  if (fileSize(note) === undefined) return undefined;
  const folder = repositoryFolder(place, settings);
  try {
    const noted = parseJsonObject(Deno.readFileSync(note), NOTE) as { files: FetchedFile[] };
    const files = noted.files.map((file) => ({ ...file, path: `${folder}/${file.path}` }));
    const whole = files.every(({ path, size }) => fileSize(path) === size);
    const known = place.sha256 === undefined || files.every(({ etag }) => etag === place.sha256);
    return whole && known ? { path: fetchedPath(place, settings), files } : undefined;
  } catch {
    return undefined;
  }
}

/** The single files of a repository that were fetched, by their paths in the repository. */
export function fetchedFiles(repository: string, settings: SourceSettings): string[] {
  const suffix = `.${NOTE}`;
  const notes = [...filesUnder(repositoryFolder({ repository }, settings))].filter((path) => path.endsWith(suffix));
  return notes.map((path) => path.slice(0, -suffix.length))
    .filter((file) => findFetched({ repository, file }, settings) !== undefined);
}

/** Notes that a model is whole, and what it must hash to: written last, and atomically. */
function writeFetched(place: HubPlace, files: readonly FetchedFile[], settings: SourceSettings): void {
  const noted = files.map(({ path, size, etag }) => ({ path, size, etag }));
  const note = { repository: place.repository, files: noted };
  writeAtomicSync(notePath(place, settings), `${JSON.stringify(note, null, 2)}\n`);
}
