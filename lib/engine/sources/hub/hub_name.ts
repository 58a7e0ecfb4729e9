import { partNames } from "../../checkpoint/gguf/gguf_checkpoint.ts";
import type { HubModel } from "../known_models.ts";

/** What the names of the hub's own models begin with. */
const PREFIX = "hub:";
/** The hub's rule for owners and repositories; two dashes or dots in a row are not allowed there either. */
const REPOSITORY_PART = /^(?!.*(--|\.\.))[A-Za-z0-9_][\w.-]{0,95}$/;
/** A part of a path that is a plain name on every system: nothing that leads elsewhere. */
// deno-lint-ignore no-control-regex
const PATH_PART = /^(?!\.\.?$)[^\u0000-\u001f\u007f\\/:*?"<>|]+$/;
/** Any part of a split GGUF but the first, which stands for all. */
const FURTHER_PART = /-(?!00001)\d{5}-of-\d{5}\.gguf$/i;
/** A projector of images that belongs to a model, but is none. */
const PROJECTOR = /(^|\/)mmproj[^/]*\.gguf$/i;

/**
 * Reads `hub:OWNER/NAME` and `hub:OWNER/NAME/FILE.gguf`. Any part of a split GGUF stands for all: the first is given.
 *
 * @returns undefined if the name does not begin with `hub:`
 * @throws {RangeError} if it does and is neither
 */
export function parseHubName(name: string): HubModel | undefined {
  if (!name.startsWith(PREFIX)) return undefined;
  const parts = name.slice(PREFIX.length).split("/");
  const [owner, repository, ...path] = parts;
  const wrong = parts.slice(0, 2).find((part) => !REPOSITORY_PART.test(part)) ??
    path.find((part) => !PATH_PART.test(part));
  const cannot = `Cannot take the model ${JSON.stringify(name)} from the hub as`;
  if (parts.length < 2 || wrong !== undefined) {
    const reason = wrong === undefined || wrong === ""
      ? "a part of it is missing"
      : `${JSON.stringify(wrong)} is no name`;
    throw new RangeError(`${cannot} ${reason}: write hub:OWNER/NAME or hub:OWNER/NAME/FILE.gguf`);
  }
  const place = { name, repository: `${owner}/${repository}` };
  if (path.length === 0) return place;
  const file = path.join("/");
  if (!/\.gguf$/i.test(file)) {
    throw new RangeError(
      `${cannot} ${file} is no GGUF file: name one that ends in .gguf, or hub:${place.repository} for its folder`,
    );
  }
  return { ...place, file: partNames(file)[0] };
}

/** Whether a file of a repository names a model: a GGUF file whose path is plain, of a split one the first part. */
export function isModelFile(path: string): boolean {
  return /\.gguf$/i.test(path) && !FURTHER_PART.test(path) && !PROJECTOR.test(path) &&
    path.split("/").every((part) => PATH_PART.test(part));
}
