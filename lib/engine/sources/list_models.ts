import { fileSize } from "../../files/exists.ts";
import { EMBEDDED_MODEL, embeddedModel } from "./embedded_model.ts";
import { KNOWN_MODELS, type KnownModel, placeLabel, wheelLabel } from "./known_models.ts";
import { findModel, wheelFirst } from "./resolve_model.ts";
import { type SourceSettings, sourceSettings } from "./settings.ts";
import { expectedHashes } from "./verify_model.ts";

/** A named model, and whether it is on this machine. */
export interface ModelListing {
  /** The model's name. */
  readonly name: string;
  /** Its file or folder, if it is on this machine. */
  readonly path: string | undefined;
  /** Its source, in words: where it came from, or would come from. */
  readonly source: string;
  /** The license of its weights, by its SPDX name. */
  readonly license: string;
  /** Bytes on disk, or about what would be fetched. */
  readonly bytes: number;
  /** Whether {@linkcode verifyModel} knows a hash of it. */
  readonly verifiable: boolean;
}

/** The models that go by name, in the order in which `auto` takes them. */
export function listModels(
  models: readonly KnownModel[] = KNOWN_MODELS,
  settings: SourceSettings = sourceSettings(),
): ModelListing[] {
  return models.map((model) => listing(model, settings));
}

/** The embedded model, as {@linkcode listModels} lists the others. */
export function listEmbedded(): ModelListing {
  const { name, path, source } = embeddedModel();
  return { name, path, source, license: EMBEDDED_MODEL.license, bytes: bytesAt(path), verifiable: true };
}

function listing(model: KnownModel, settings: SourceSettings): ModelListing {
  const { name, license, wheel, hubBytes } = model;
  const found = findModel(model, settings);
  if (found === undefined) {
    const [source, bytes] = wheel !== undefined && wheelFirst(model)
      ? [wheelLabel(wheel), wheel.size]
      : [`the model hub (${placeLabel(model)})`, hubBytes];
    return { name, path: undefined, source, license, bytes, verifiable: false };
  }
  const { path, source } = found;
  const verifiable = expectedHashes(model, path, settings).length > 0;
  return { name, path, source, license, bytes: bytesAt(path), verifiable };
}

/** Bytes of a file, or of the files in a folder. */
function bytesAt(path: string): number {
  const own = fileSize(path);
  if (own !== undefined) return own;
  return [...Deno.readDirSync(path)].reduce((sum, { name }) => sum + (fileSize(`${path}/${name}`) ?? 0), 0);
}
