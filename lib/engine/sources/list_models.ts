import { fileSize } from "../../files/exists.ts";
import { embeddedModel } from "./embedded_model.ts";
import { KNOWN_MODELS, type KnownModel } from "./known_models.ts";
import { findModel } from "./resolve_model.ts";
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
  /** Bytes on disk, or roughly the bytes to fetch. */
  readonly bytes: number;
  /** Whether {@linkcode verifyModel} knows a hash of it. */
  readonly verifiable: boolean;
}

/** The named models, in the order in which `auto` looks for them. */
export function listModels(
  models: readonly KnownModel[] = KNOWN_MODELS,
  settings: SourceSettings = sourceSettings(),
): ModelListing[] {
  return models.map((model) => listing(model, settings));
}

/** The embedded model, as {@linkcode listModels} lists the others. */
export function listEmbedded(): ModelListing {
  const { name, path, source } = embeddedModel();
  return { name, path, source, bytes: bytesAt(path), verifiable: true };
}

function listing(model: KnownModel, settings: SourceSettings): ModelListing {
  const found = findModel(model, settings);
  if (found === undefined) {
    const { name, repository, wheel, hubBytes } = model;
    const source = wheel ? `the Python package ${wheel.requirement}` : `the model hub (${repository})`;
    return { name, path: undefined, source, bytes: wheel?.size ?? hubBytes, verifiable: false };
  }
  const { name, path, source } = found;
  return { name, path, source, bytes: bytesAt(path), verifiable: expectedHashes(model, path, settings).length > 0 };
}

/** Bytes of a file, or of the files in a folder. */
function bytesAt(path: string): number {
  const own = fileSize(path);
  if (own !== undefined) return own;
  return [...Deno.readDirSync(path)].reduce((sum, { name }) => sum + (fileSize(`${path}/${name}`) ?? 0), 0);
}
