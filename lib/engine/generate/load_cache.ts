import { decodeCache } from "../cache/file/decode.ts";
import { type CacheObserver, cacheOf, type KvCache } from "../cache/kv_cache.ts";
import type { CacheOwner, CacheShape } from "../rows/cache_shape.ts";

/** The model that a saved cache must belong to. */
export interface LoadingModel {
  readonly owner: CacheOwner;
  readonly shape: CacheShape;
  readonly observer: CacheObserver;
  /** Ids that it has an embedding of. */
  readonly vocabSize: number;
}

/**
 * Reads a cache from a file: see {@linkcode Model.loadCache}.
 *
 * @throws {TypeError} if another model computed it, or other weights
 * @throws {RangeError} if there is no such file, or it is a folder
 * @throws {SyntaxError} if it is no cache file, of another version, damaged or cut short
 */
export function loadCache(path: string, { owner, shape, observer, vocabSize }: LoadingModel): KvCache {
  const content = decodeCache(readWhole(path), path);
  checkOwner(`load ${path}`, content, { owner, shape });
  const strange = content.state.ids.slice().find((id) => id >= vocabSize);
  if (strange !== undefined) {
    throw new SyntaxError(
      `Cannot load ${path} as its token id ${strange} is none of the model's ${vocabSize}: it was made wrong`,
    );
  }
  return cacheOf(shape, content.recordings, content.state, observer, owner);
}

/**
 * Checks that a model computed rows itself, or might have where they belong to no model.
 *
 * @param action what is refused, for the message
 * @throws {TypeError} if another model computed them, or other weights, or they have another shape
 */
export function checkOwner(
  action: string,
  cache: { readonly owner?: CacheOwner; readonly shape: CacheShape },
  { owner, shape }: Pick<LoadingModel, "owner" | "shape">,
): void {
  if (cache.owner !== undefined && cache.owner !== owner) {
    const { name, hash, weights } = cache.owner;
    if (hash !== owner.hash) {
      throw new TypeError(
        `Cannot ${action} as it is of model ${name} (${hash.slice(0, 12)}): ` +
          `this is ${owner.name} (${owner.hash.slice(0, 12)})`,
      );
    }
    if (weights !== owner.weights) {
      throw new TypeError(
        `Cannot ${action} as it was made with ${weights} weights and this model has ${owner.weights}: ` +
          `load the model with weights ${weights}`,
      );
    }
  }
  if (cache.shape !== shape && JSON.stringify(cache.shape) !== JSON.stringify(shape)) {
    throw new TypeError(
      `Cannot ${action} as its rows have shape ${JSON.stringify(cache.shape)}: this model's is ${
        JSON.stringify(shape)
      }`,
    );
  }
}

function readWhole(path: string): Uint8Array {
  try {
    using file = Deno.openSync(path, { read: true });
    const { size, isDirectory } = file.statSync();
    if (isDirectory) throw new Deno.errors.IsADirectory();
    // Twice as fast as Deno.readFile, which grows its buffer.
    const bytes = new Uint8Array(size);
    let length = 0;
    for (let count = 1; length < size && count > 0; length += count) count = file.readSync(bytes.subarray(length)) ?? 0;
    return bytes.subarray(0, length);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new RangeError(`Cannot load ${path} as there is no such file`);
    if (error instanceof Deno.errors.IsADirectory) throw new RangeError(`Cannot load ${path} as it is a folder`);
    throw error;
  }
}
