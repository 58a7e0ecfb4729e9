/**
 * Prints the cache folder, as `--allow-write` takes it: tasks that write nothing else may write there alone. Where none of its
 * variables is set, a folder that is nobody's: the task itself says what is missing.
 */
import { cacheFolder } from "../../lib/files/cache_folder.ts";
import { writeText } from "./print.ts";

function folder(): string {
  try {
    return cacheFolder();
  } catch {
    return "no-cache-folder";
  }
}

// Deno reads a comma as the end of a path: the folder above such a one may be written to instead.
writeText(Deno.stdout, folder().replace(/[\\/][^\\/]*,.*$/s, "") || "/");
