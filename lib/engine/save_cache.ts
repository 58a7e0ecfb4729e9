import { type CacheContent, encodeCache } from "./encode_cache.ts";
import { writeWhole } from "./write_whole.ts";

/**
 * Writes a cache to a file, whole or not at all: see {@linkcode KvCache.save}.
 *
 * @throws {TypeError} if the cache belongs to no model
 * @throws {RangeError} if the path is empty or a folder
 */
export async function saveCache(
  path: string,
  { owner, ...content }: Omit<CacheContent, "owner"> & Partial<Pick<CacheContent, "owner">>,
): Promise<void> {
  if (owner === undefined) throw new TypeError(`Cannot save this cache as it belongs to no model`);
  await writeWhole(path, (file) => {
    // All in one go: nobody can change the rows between two pieces.
    for (const piece of encodeCache({ ...content, owner })) {
      for (let written = 0; written < piece.length;) written += file.writeSync(piece.subarray(written));
    }
  });
}
