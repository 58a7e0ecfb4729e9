/** What {@linkcode cacheFolder} reads of the machine. */
export interface Machine {
  /** An environment variable. */
  readonly variable: (name: string) => string | undefined;
  /** The operating system. */
  readonly system: string;
}

const FOLDER = "kvmirror";

/**
 * The folder for what can be made again: `KVMIRROR_CACHE` where it is set, else `XDG_CACHE_HOME/kvmirror`, else the
 * system's own place (`~/.cache/kvmirror`, `~/Library/Caches/kvmirror`, `%LOCALAPPDATA%\kvmirror\cache`). It may not
 * exist yet.
 *
 * @throws {RangeError} if none of the variables it goes by is set
 */
export function cacheFolder(machine: Machine = thisMachine()): string {
  const set = (name: string) => machine.variable(name) || undefined; // an empty variable counts as unset
  const own = set("KVMIRROR_CACHE");
  if (own !== undefined) return own;
  const shared = set("XDG_CACHE_HOME");
  if (shared !== undefined) return `${shared}/${FOLDER}`;
  if (machine.system === "windows") {
    const local = set("LOCALAPPDATA");
    if (local !== undefined) return `${local}\\${FOLDER}\\cache`;
  }
  const home = set("HOME") ?? set("USERPROFILE");
  if (home !== undefined) {
    return machine.system === "darwin" ? `${home}/Library/Caches/${FOLDER}` : `${home}/.cache/${FOLDER}`;
  }
  throw new RangeError("Cannot find a cache folder as HOME is not set: set KVMIRROR_CACHE to a folder");
}

/** The machine that this runs on. */
export function thisMachine(): Machine {
  return { variable: (name) => Deno.env.get(name), system: Deno.build.os };
}
