import { dirname } from "node:path";

let count = 0;

/**
 * Writes a report whole or not at all: into a new file beside it, which then takes its name. Folders are made.
 *
 * @example
 * ```ts
 * import { writeReport } from "kvmirror/report";
 *
 * const folder = await Deno.makeTempDir();
 * await writeReport(`${folder}/figures/empty.svg`, "<svg/>\n");
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function writeReport(path: string, content: string | Uint8Array): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  const part = `${path}.${Deno.pid}-${count++}.part`;
  try {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(part, bytes);
    await Deno.rename(part, path);
  } catch (error) {
    await Deno.remove(part).catch(() => {});
    throw error;
  }
}
