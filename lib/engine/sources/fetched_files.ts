import { parseJsonObject } from "../json_object.ts";
import { fileSize } from "./file_size.ts";

const NAME = "fetched.json";

/** A file that was fetched from the hub, and what the hub said of it. */
export interface FetchedFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** sha256 (64 hex digits) or git's blob hash (40). */
  readonly etag: string;
}

/** What {@linkcode writeFetched} noted in a model's folder; undefined unless all files are there in their size. */
export function readFetched(folder: string): readonly FetchedFile[] | undefined {
  if (fileSize(`${folder}/${NAME}`) === undefined) return undefined;
  try {
    const { files } = parseJsonObject(Deno.readFileSync(`${folder}/${NAME}`), NAME) as { files: FetchedFile[] };
    return files.every(({ path, size }) => fileSize(`${folder}/${path}`) === size) ? files : undefined;
  } catch {
    return undefined;
  }
}

/** Notes that a model is whole in its folder, and what it must hash to: written last, and at once. */
export function writeFetched(folder: string, repository: string, files: readonly FetchedFile[]): void {
  const noted = files.map(({ path, size, etag }) => ({ path, size, etag }));
  Deno.writeTextFileSync(`${folder}/${NAME}.unfinished`, `${JSON.stringify({ repository, files: noted }, null, 2)}\n`);
  Deno.renameSync(`${folder}/${NAME}.unfinished`, `${folder}/${NAME}`);
}
