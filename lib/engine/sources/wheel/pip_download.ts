/** The commands that may be the user's pip, tried one after the other. */
const PIP_COMMANDS = [["python3", "-m", "pip"], ["pip3"], ["pip"], ["python", "-m", "pip"]];
/** Wheels alone: of a source archive pip would run the package's own code to learn what it is. */
const DOWNLOAD = ["download", "--quiet", "--no-deps", "--only-binary", ":all:", "--disable-pip-version-check"];
/** Milliseconds between two looks at the folder, for pip's progress. */
const WATCH_MS = 500;

/** Options of {@linkcode pipDownload}. */
export interface PipOptions {
  /** Called regularly with the bytes in the folder. */
  readonly onBytes?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Downloads a package's wheel into a folder, without its dependencies, with the user's own pip and its settings (index,
 * proxy, certificates, cache). No code of the package runs.
 *
 * @param requirement `name==version`
 * @throws {Error} in one line, if there is no pip, the package has no wheel, or pip cannot fetch it
 */
export async function pipDownload(requirement: string, folder: string, options: PipOptions = {}): Promise<void> {
  const { onBytes, signal } = options;
  const watch = onBytes && setInterval(() => onBytes(folderBytes(folder)), WATCH_MS);
  try {
    let reason = "there is no pip on this machine";
    for (const command of PIP_COMMANDS) {
      const result = await runPip(command, requirement, folder, signal);
      if (result === undefined) continue;
      if (result.success) return;
      reason = `${command.join(" ")} ${complaint(result)}`;
      if (!/No module named pip/.test(reason)) break;
    }
    const fix = /No space left on device/.test(reason)
      ? `free space for ${folder.slice(0, folder.lastIndexOf("/"))}, or set KVMIRROR_CACHE to a folder elsewhere`
      : "check the network and that Python 3 has pip";
    throw new Error(`Cannot fetch the Python package ${requirement} as ${reason}: ${fix}`);
  } finally {
    clearInterval(watch);
  }
}

/** The output of pip; undefined where there is no such command. */
async function runPip(
  [command, ...args]: readonly string[],
  requirement: string,
  folder: string,
  signal?: AbortSignal,
): Promise<Deno.CommandOutput | undefined> {
  const pip = new Deno.Command(command, {
    args: [...args, ...DOWNLOAD, "--dest", folder, requirement],
    env: { TMPDIR: folder, TEMP: folder },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    signal,
  });
  try {
    const result = await pip.output();
    signal?.throwIfAborted();
    return result;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/** The line in which pip names its error; that of a traceback, which `ERROR: Exception:` begins, is the last. */
function complaint({ stderr, code }: Deno.CommandOutput): string {
  const lines = new TextDecoder().decode(stderr).split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const line = lines.findLast((line) => /^ERROR.*[^:]$/.test(line)) ?? lines.at(-1);
  return line === undefined ? `ends with exit ${code}` : `says ${line}`;
}

function folderBytes(folder: string): number {
  let bytes = 0;
  try {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      bytes += isDirectory ? folderBytes(`${folder}/${name}`) : Deno.statSync(`${folder}/${name}`).size;
    }
  } catch {
    // pip moves files while we look: the next look sees them.
  }
  return bytes;
}
