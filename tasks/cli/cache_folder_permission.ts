import { cacheFolder } from "../../lib/files/cache_folder.ts";

/**
 * The cache folder, as `--allow-write` takes it: tasks that write nothing else may write there alone. Where none of its
 * variables is set, a folder that is nobody's: the task itself says what is missing.
 */
export function cacheFolderPermission(): string {
  // Deno reads a comma as the end of a path: the folder above such a one may be written to instead.
  return folder().replace(/[\\/][^\\/]*,.*$/s, "") || "/";
}

function folder(): string {
  try {
    return cacheFolder();
  } catch {
    return "no-cache-folder";
  }
}
