/** Runs a body with a folder of its own, which is gone afterwards; `path` names a file in it. */
export async function withFolder(body: (path: (name: string) => string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body((name) => `${folder}/${name}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
