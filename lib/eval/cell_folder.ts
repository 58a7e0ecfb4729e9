import { cacheFolder } from "../engine/cache_folder.ts";
import type { Cell, CellStore } from "./evaluated_cell.ts";

/**
 * A folder of finished cells, a file each; a file appears whole or not at all, so a run may be killed at any time.
 *
 * @param folder by default one in the cache folder, which all evaluations share
 */
export function cellFolder(folder = `${cacheFolder()}/evaluation_cells`): CellStore {
  Deno.mkdirSync(folder, { recursive: true });
  const path = (key: string) => `${folder}/${key}.json`;
  return {
    read: (key) => {
      try {
        return JSON.parse(Deno.readTextFileSync(path(key))) as Cell;
      } catch (error) {
        if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
        throw error;
      }
    },
    write: (key, cell) => {
      const part = `${path(key)}.${crypto.randomUUID().slice(0, 8)}.unfinished`;
      Deno.writeTextFileSync(part, JSON.stringify(cell));
      Deno.renameSync(part, path(key));
    },
  };
}
