import { removeIfUnlocked, tryLock } from "../files/file_lock.ts";
import { writeAll } from "../files/write_atomic.ts";

/** The name of the file that a cell's text stands in meanwhile, beside its notebook. A killed run leaves it to the next. */
const CELL = ".cell-";
const CELL_NAME = /^\.cell-[0-9a-f-]{36}\.ts$/;

/** Runs Deno on a text, written to a file in `folder` for the time being, and returns what it printed. */
export async function runDeno(
  args: readonly string[],
  source: string,
  { folder, executable }: { readonly folder: string; readonly executable?: string },
): Promise<{ success: boolean; stdout: string; stderr: string }> {
  const name = `${CELL}${crypto.randomUUID()}.ts`;
  const file = `${folder}/${name}`;
  for (const { name } of Deno.readDirSync(folder)) if (CELL_NAME.test(name)) removeIfUnlocked(`${folder}/${name}`);
  // It gets its name only once it is locked: without a lock, another run would take it for one that was left.
  const unnamed = `${file}.new`;
  using held = await Deno.open(unnamed, { write: true, createNew: true });
  try {
    tryLock(held);
    writeAll(held, new TextEncoder().encode(source));
    await Deno.rename(unnamed, file);
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
