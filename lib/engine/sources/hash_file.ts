import { createHash } from "node:crypto";

const CHUNK_BYTES = 1 << 20;

/**
 * The hash of a file as the model hub gives it: `sha256` of the content, or `git`'s blob hash (sha1 behind a header),
 * which small files go by.
 */
export function hashFile(path: string, kind: "sha256" | "git"): string {
  using file = Deno.openSync(path);
  const hash = createHash(kind === "git" ? "sha1" : "sha256");
  if (kind === "git") hash.update(`blob ${file.statSync().size}\0`);
  const bytes = new Uint8Array(CHUNK_BYTES);
  for (let count = file.readSync(bytes); count !== null; count = file.readSync(bytes)) {
    hash.update(bytes.subarray(0, count));
  }
  return hash.digest("hex");
}

/** Which hash a hub's tag is: git's has 40 hex digits, sha256 has 64. */
export function hashKind(etag: string): "sha256" | "git" {
  return etag.length === 40 ? "git" : "sha256";
}
