import { fileURLToPath } from "node:url";
import type { AttentionProbe, ProbedModel } from "./attention_probe.ts";
import { cacheFolder } from "./cache_folder.ts";
import { openFileSource } from "./file_source.ts";
import { decodeProbe } from "./probe_file.ts";

/** Where a user's own probe of a model goes, by the checkpoint's content hash. */
export function probePath(hash: string): string {
  return `${cacheFolder()}/probes/${hash.slice(0, 32)}.safetensors`;
}

/** Where the probes are that come with the project. */
export function shippedProbePath(hash: string): string {
  return fileURLToPath(new URL(`../../data/probes/${hash.slice(0, 32)}.safetensors`, import.meta.url));
}

/**
 * The probe of a model: the user's own, else the one that comes with the project.
 *
 * @throws {RangeError} if there is none
 * @throws {SyntaxError} if its file is malformed
 */
export function readProbe(hash: string, model: ProbedModel): AttentionProbe {
  for (const path of [probePath(hash), shippedProbePath(hash)]) {
    try {
      using source = openFileSource(path);
      return decodeProbe(source, model);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new RangeError(
    "Cannot predict attention as there is no attention probe for this model: fit one with `deno task fit_probe`",
  );
}
