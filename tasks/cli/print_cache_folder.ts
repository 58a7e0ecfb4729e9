/** Prints the cache folder, as `--allow-write` takes it. */
import { cacheFolderPermission } from "./cache_folder_permission.ts";
import { writeText } from "./print.ts";

writeText(Deno.stdout, cacheFolderPermission());
