/** The size of a file in bytes; undefined where there is none. A link counts as what it points to. */
export function fileSize(path: string): number | undefined {
  try {
    const { isFile, size } = Deno.statSync(path);
    return isFile ? size : undefined;
  } catch {
    return undefined;
  }
}
