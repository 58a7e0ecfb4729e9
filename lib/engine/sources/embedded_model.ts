import { fileURLToPath } from "node:url";
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

/**
 * The embedded model; it is always on this machine.
 *
 * @param why the reason for taking it, for the sentence about its source
 */
export function embeddedModel(why = ""): ResolvedModel {
  const path = fileURLToPath(new URL("../../../data/models/tiny", import.meta.url));
  return { name: EMBEDDED_MODEL.name, path, source: `this project: the embedded model${why}` };
}
