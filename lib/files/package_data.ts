import { fileURLToPath } from "node:url";
import { cacheFolder } from "./cache_folder.ts";
import { exists } from "./exists.ts";
import { textHash } from "./hash.ts";
import { writeAll, writeAtomic } from "./write_atomic.ts";

/** The package's `data/`: beside the code in a checkout and under npm, at a URL where Deno runs it from a registry. */
const DATA = new URL("../../data/", import.meta.url);

/**
 * The path of a file or folder of the package's data. Where the code came from a URL, it lies in the cache folder, once
 * {@linkcode fetchPackageData} has put it there.
 */
export function packageDataPath(name: string): string {
  if (DATA.protocol === "file:") return fileURLToPath(new URL(name, DATA));
  return `${cacheFolder()}/package/${textHash(DATA.href).slice(0, 16)}/${name}`;
}

/**
 * Fetches files of the package's data that are not on this machine; where the code is on it, they are. A file that the
 * package lacks is left out.
 *
 * @throws {Error} in one line if the package cannot be reached
 */
export async function fetchPackageData(names: readonly string[], signal?: AbortSignal): Promise<void> {
  if (DATA.protocol === "file:") return;
  for (const name of names) {
    const path = packageDataPath(name);
    if (exists(path)) continue;
    const bytes = await fetchBytes(new URL(name, DATA), signal);
    if (bytes === undefined) continue;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await writeAtomic(path, (file) => writeAll(file, bytes));
  }
}

async function fetchBytes(url: URL, signal?: AbortSignal): Promise<Uint8Array | undefined> {
  let response: Response;
  try {
    response = await fetch(url, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    const said = error instanceof Error ? error.message : error;
    throw new Error(`Cannot fetch ${url} of this package as ${said}: check the network, and --allow-net`);
  }
  if (response.status === 404) {
    await response.body?.cancel();
    return undefined;
  }
  if (response.ok) return await response.bytes();
  await response.body?.cancel();
  throw new Error(`Cannot fetch ${url} of this package as its server says ${response.status}: try again later`);
}
