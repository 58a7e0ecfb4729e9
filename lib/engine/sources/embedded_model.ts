import { fetchPackageData, packageDataPath } from "../../files/package_data.ts";
import type { ResolvedModel } from "./known_models.ts";

/** The small model that the project carries, trained by `data/models/tiny/train.py`. */
export const EMBEDDED_MODEL = {
  /** The name that users give. */
  name: "tiny",
  /** The license of its weights, by its SPDX name. */
  license: "MIT",
  /** sha256 of its `model.safetensors`, hex. */
  sha256: "ee3962b6f3c345af5c2e5bfba31b952cdb2573729213d9396ae0edfecb2092b6",
} as const;

const FOLDER = "models/tiny";
const FILES = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"];

/**
 * The embedded model. It is on this machine unless the code came from a URL: see {@linkcode fetchEmbeddedModel}.
 *
 * @param why the reason for taking it, for the sentence about its source
 */
export function embeddedModel(why = ""): ResolvedModel {
  const path = packageDataPath(FOLDER);
  return { name: EMBEDDED_MODEL.name, path, source: `this project: the embedded model${why}` };
}

/** The embedded model, with its files on this machine: {@linkcode embeddedModel}. */
export async function fetchEmbeddedModel(why = "", signal?: AbortSignal): Promise<ResolvedModel> {
  await fetchPackageData(FILES.map((name) => `${FOLDER}/${name}`), signal);
  return embeddedModel(why);
}
