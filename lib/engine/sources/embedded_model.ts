import { fileURLToPath } from "node:url";
import type { ResolvedModel } from "./resolve_model.ts";

/** The small model that the project carries, trained by `data/models/tiny/train.py`. */
export const EMBEDDED_MODEL = {
  /** What users call it. */
  name: "tiny",
  /** sha256 of its `model.safetensors`, hex. */
  sha256: "60b2756c5354b33461db205d34e31fff524d047c73e058244aefd46831661bd3",
} as const;

/**
 * The embedded model; it is always on this machine.
 *
 * @param why what has to be said beside that it is embedded
 */
export function embeddedModel(why = ""): ResolvedModel {
  const path = fileURLToPath(new URL("../../../data/models/tiny", import.meta.url));
  return { name: EMBEDDED_MODEL.name, path, source: `this project: the embedded model${why}` };
}
