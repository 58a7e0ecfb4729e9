import { cacheFolder } from "./cache_folder.ts";
import { exists } from "./exists.ts";

/**
 * A folder of built files in the cache, built if it is not there yet: it appears atomically.
 *
 * @param name what it was built from and how, `models/<hash>-int4`
 * @param build fills an empty folder
 * @returns its path
 */
export async function builtFolder(name: string, build: (folder: string) => Promise<void>): Promise<string> {
  const folder = `${cacheFolder()}/${name}`;
  if (exists(folder)) return folder;
  const parent = folder.slice(0, folder.lastIndexOf("/"));
  await Deno.mkdir(parent, { recursive: true });
  const building = await Deno.makeTempDir({ dir: parent, prefix: "building-" });
  try {
    await build(building);
    await Deno.rename(building, folder).catch((error) => {
      // Another process was faster: what it built is as good as ours.
      if (!exists(folder)) throw error;
    });
  } finally {
    await Deno.remove(building, { recursive: true }).catch(() => {});
  }
  return folder;
}
