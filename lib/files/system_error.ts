import { cacheFolder } from "./cache_folder.ts";

/** What the system's codes mean, and what to do about each. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "there is no such file or folder: check the path"],
  ["EACCES", "you may not: change its permissions, or name another"],
  ["EPERM", "you may not: change its permissions, or name another"],
  ["EROFS", "the file system is read-only: name a place elsewhere"],
  ["ENOSPC", "the disk is full: free some space"],
  ["EDQUOT", "your share of the disk is full: free some space"],
  ["EISDIR", "it is a folder: name a file"],
  ["ENOTDIR", "a part of it is a file and no folder: check the path"],
  ["ENAMETOOLONG", "its name is too long: shorten it"],
  ["EMFILE", "too many files are open: close some, or raise the limit"],
  ["ENFILE", "too many files are open: close some, or raise the limit"],
  ["EIO", "the disk failed: check it"],
]);

/** What was tried, by the word that Deno puts before a path. */
const ACTIONS: ReadonlyMap<string, string> = new Map([
  ["readfile", "read"],
  ["readdir", "read"],
  ["stat", "read"],
  ["lstat", "read"],
  ["realpath", "read"],
  ["writefile", "write"],
  ["rename", "write"],
  ["copy", "write"],
  ["mkdir", "make the folder"],
  ["remove", "remove"],
]);

/** What {@linkcode describeSystemError} knows of a failure beside the error. */
export interface Attempt {
  /** What was tried: `write`. By default what the error says. */
  readonly action?: string;
  /** The path as the user knows it. By default the error's. */
  readonly path?: string;
}

/**
 * An error of the file system as a sentence: what could not be done, to which path, why, and what to do; undefined for any
 * other error.
 */
export function describeSystemError(error: unknown, { action, path }: Attempt = {}): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof Deno.errors.NotCapable) {
    const [, right, of] = /^Requires (\w+) access to (.+?), run again/.exec(error.message) ?? [];
    return `Cannot ${action ?? "use"} ${path ?? of ?? "what it needs"} as ${
      right ?? "such"
    } access is not among the permissions ` +
      "of this process: give another, or run Deno with more (docs/security.md)";
  }
  const reason = REASONS.get((error as Error & { code?: string }).code ?? "");
  if (reason === undefined || !/\(os error \d+\)/.test(error.message)) return undefined;
  const [, word, named] = /\(os error \d+\): (\w+)(?: '([^']*)')?/.exec(error.message) ?? [];
  const place = path ?? named;
  const tried = action ?? ACTIONS.get(word) ?? "open";
  const missing = (error as Error & { code?: string }).code === "ENOENT" && tried === "write";
  const why = missing ? "its folder does not exist: make the folder first" : reason;
  return `Cannot ${tried} ${place ?? "a file"} as ${why}${
    isInCache(place) ? ", or set KVMIRROR_CACHE to another folder" : ""
  }`;
}

/** Runs `body`; an error of the file system becomes one that {@linkcode describeSystemError} puts in words. */
export function explained<T>(attempt: Attempt, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw explainedError(error, attempt);
  }
}

/** The error to throw in place of one of the file system; any other as it is. */
export function explainedError(error: unknown, attempt: Attempt): unknown {
  const message = describeSystemError(error, attempt);
  return message === undefined ? error : new Error(message, { cause: error });
}

function isInCache(path: string | undefined): boolean {
  try {
    return path !== undefined && path.startsWith(cacheFolder());
  } catch {
    return false; // Without a variable, or the right to read it, there is no such folder to tell of.
  }
}
