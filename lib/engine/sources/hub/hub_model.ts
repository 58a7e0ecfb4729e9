import { nearestName } from "../../../numeric/nearest_name.ts";
import { partNames } from "../../checkpoint/gguf/gguf_checkpoint.ts";
import { SHARD_INDEX } from "../../checkpoint/safetensors/shard_index.ts";
import { type HubModel, type HubPlace, placeLabel, type ResolvedModel } from "../known_models.ts";
import { type FetchOptions, type SourceSettings, sourceSettings } from "../settings.ts";
import { fetchedFiles, fetchFromHub, findFetched } from "./fetch_from_hub.ts";
import { filesInHubCache, findInHubCache } from "./hub_cache.ts";
import { isModelFile } from "./hub_name.ts";
import { describeRepository, type RepositoryFacts } from "./repository_facts.ts";

/** So many names of files fit into a message. */
const MAX_NAMES = 8;

/** A model of the hub that is on this machine: in Hugging Face's own cache, or fetched earlier. */
export function findHubModel(
  model: HubModel,
  settings: SourceSettings = sourceSettings(),
): ResolvedModel | undefined {
  const { name } = model;
  const label = placeLabel(model);
  const cached = findInHubCache(model, settings);
  if (cached !== undefined) return { name, path: cached, source: `the Hugging Face cache (${label})` };
  const fetched = findFetched(model, settings);
  return fetched && { name, path: fetched.path, source: `the model hub (${label}), fetched earlier` };
}

/**
 * The model that is meant by a repository without a file: its folder, or, where this machine has no folder of it and
 * one GGUF file alone, that file. A model whose file is named stays as it is.
 *
 * So a model that is here is found without asking the hub; which file it is stands in its source.
 */
export function withOnlyFile(model: HubModel, settings: SourceSettings): HubModel {
  if (model.file !== undefined || findHubModel(model, settings) !== undefined) return model;
  const files = ggufsHere(model.repository, settings);
  return files.length === 1 ? { ...model, file: files[0] } : model;
}

/**
 * Finds a model of the hub on this machine, or fetches it: a safetensors folder, or a GGUF file. Says as a notice how
 * large it is and what its license is before it is fetched.
 *
 * @throws {Error} in one line, with the fix, if it cannot be had, or there are several files and none is named
 */
export async function resolveHubModel(asked: HubModel, options: FetchOptions = {}): Promise<ResolvedModel> {
  const { settings = sourceSettings(), signal, onNotice } = options;
  const here = findHubModel(withOnlyFile(asked, settings), settings);
  if (here !== undefined) return here;
  if (settings.offline) throw offline(asked, settings);
  const facts = await describeRepository(asked.repository, settings, signal);
  const model = { ...asked, file: chooseFile(asked, facts) };
  // The file that is meant may be here beside others.
  const found = findHubModel(model, settings);
  if (found !== undefined) return found;
  onNotice?.(`fetching ${placeLabel(model)} from the model hub: ${sizeOf(model, facts)}, ${licenseOf(facts)}`);
  const path = await fetchFromHub(model, { ...options, settings });
  return { name: asked.name, path, source: `the model hub (${placeLabel(model)})` };
}

function ggufsHere(repository: string, settings: SourceSettings): string[] {
  const files = new Set([...filesInHubCache(repository, settings), ...fetchedFiles(repository, settings)]);
  return [...files].filter(isModelFile).sort();
}

function offline(asked: HubPlace, settings: SourceSettings): Error {
  const here = ggufsHere(asked.repository, settings);
  const fix = here.length === 0
    ? "unset it, or give the path of a model on disk"
    : `unset it, or take what is here of it: ${namesOf(here)}`;
  return new Error(`Cannot fetch ${placeLabel(asked)} as HF_HUB_OFFLINE is set: ${fix}`);
}

/**
 * The file of a repository that is the model, undefined for its folder.
 *
 * @throws {Error} if the file that is named is not there, several could be meant, or none is a model that can be read
 */
function chooseFile({ repository, file }: HubPlace, { files }: RepositoryFacts): string | undefined {
  const ggufs = [...files.keys()].filter(isModelFile).sort();
  const withAllParts = (model: string): string => {
    const missing = partNames(model).find((part) => !files.has(part));
    if (missing === undefined) return model;
    throw new Error(
      `Cannot fetch ${model} of ${repository} as its part ${missing} is missing there: name another file`,
    );
  };
  if (file !== undefined) {
    if (files.has(file)) return withAllParts(file);
    const near = nearestName(file, ggufs);
    const fix = ggufs.length === 0
      ? `it has no GGUF file, so try hub:${repository}`
      : `${near ? `did you mean ${near}? It` : "it"} has ${namesOf(ggufs)}`;
    throw new Error(`Cannot fetch ${file} of ${repository} as the hub has no such file: ${fix}`);
  }
  const lacks = missingFrom(files);
  if (lacks.length === 0) return undefined;
  if (ggufs.length === 1) return withAllParts(ggufs[0]);
  if (ggufs.length > 1) {
    // The first of the alphabet is often the largest; this one is what most people take.
    const common = ggufs.find((path) => /q4_k_m/i.test(path)) ?? ggufs[0];
    throw new Error(
      `Cannot choose among the ${ggufs.length} GGUF files of ${repository}: name one, like ` +
        `hub:${repository}/${common}; it has ${namesOf(ggufs)}`,
    );
  }
  throw new Error(
    `Cannot use ${repository} as it has no GGUF file, and lacks ${lacks.join(" and ")} of a safetensors folder: ` +
      "name a repository that has either",
  );
}

/** What a folder of safetensors needs and a repository does not have. */
function missingFrom(files: ReadonlyMap<string, unknown>): string[] {
  const weights = files.has(SHARD_INDEX) || files.has("model.safetensors");
  return [
    ...["config.json", "tokenizer.json"].filter((name) => !files.has(name)),
    ...(weights ? [] : ["model.safetensors"]),
  ];
}

/** Names of files, as many as fit into a message. */
function namesOf(files: readonly string[]): string {
  const more = files.length - MAX_NAMES;
  return files.slice(0, MAX_NAMES).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** What will be fetched, in words; of a folder, its weights. */
function sizeOf({ file }: HubPlace, { files }: RepositoryFacts): string {
  const parts = file === undefined ? [] : partNames(file);
  const shard = files.has(SHARD_INDEX) ? /^model-[^/]*\.safetensors$/ : /^model\.safetensors$/;
  const fetched = [...files].filter(([path]) => file === undefined ? shard.test(path) : parts.includes(path));
  const bytes = fetched.reduce((sum, [, size]) => sum + (size ?? NaN), 0);
  return fetched.length === 0 || Number.isNaN(bytes)
    ? "its size is not told"
    : `${Math.max(1, Math.round(bytes / 1e6))} MB`;
}

function licenseOf({ license }: RepositoryFacts): string {
  return license === undefined ? "no license is named: see its page there" : `license ${license}`;
}
