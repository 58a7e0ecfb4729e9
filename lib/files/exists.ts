/** Whether there is a file or folder. */
export function exists(path: string): boolean {
  return infoOf(path) !== undefined;
}

/** Whether there is a folder. */
export function isFolder(path: string): boolean {
  return infoOf(path)?.isDirectory === true;
}

/** The size of a file in bytes; undefined where there is none. A link counts as what it points to. */
export function fileSize(path: string): number | undefined {
  const info = infoOf(path);
  return info?.isFile ? info.size : undefined;
}

/** What the system says of a path; undefined where there is nothing, or nothing that can be looked at. */
function infoOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}
