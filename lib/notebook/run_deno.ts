/** Runs Deno on a text, written to a file in `folder` for the time being, and returns what it printed. */
export async function runDeno(
  args: readonly string[],
  source: string,
  { folder, executable }: { readonly folder: string; readonly executable?: string },
): Promise<{ success: boolean; stdout: string; stderr: string }> {
  const name = `.cell-${crypto.randomUUID()}.ts`;
  const file = `${folder}/${name}`;
  try {
    await Deno.writeTextFile(file, source);
    const { success, stdout, stderr } = await new Deno.Command(executable ?? Deno.execPath(), {
      args: [...args, name],
      cwd: folder,
      env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", RUST_BACKTRACE: "0" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    const decoder = new TextDecoder();
    return { success, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } finally {
    await Deno.remove(file).catch(() => {});
  }
}
