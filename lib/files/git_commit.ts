/** Where this checkout is, if it is one. */
const ROOT = new URL("../../", import.meta.url);

/**
 * The commit of this checkout, hex, with `+` where files other than reports differ from it; null outside a checkout or
 * without git.
 */
export async function gitCommit(): Promise<string | null> {
  const commit = await git("rev-parse", "HEAD");
  const changes = await git("status", "--porcelain", "--", ":!reports");
  return commit === null ? null : `${commit}${changes === "" ? "" : "+"}`;
}

async function git(...args: string[]): Promise<string | null> {
  if (ROOT.protocol !== "file:") return null;
  try {
    const { success, stdout } = await new Deno.Command("git", { args, cwd: ROOT, stderr: "null" }).output();
    return success ? new TextDecoder().decode(stdout).trim() : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
