import { basename, dirname, resolve } from "node:path";
import { holdFolder } from "../../lib/files/held_folder.ts";

/** Where the kernels of a run start. */
export interface WorkingFolder extends AsyncDisposable {
  /** Its path. */
  readonly path: string;
}

/** What git is told to pass over. */
const PREFIX = ".kvmirror-run-";

/** What Deno looks for upward of a working folder: a link would move the project's root. */
const SETTINGS = ["deno.json", "deno.jsonc", "deno.lock", "package.json", "node_modules"];

/**
 * A folder to run notebooks in whose `../reports` is `reports`, wherever that is: notebooks write there, and their sources
 * do not know of it. All else that lies beside the notebooks, and beside their folder, is there by links. It is made beside
 * their folder, as Deno looks for its settings upward, and goes when it is disposed of; without need of it, it is their own.
 */
export async function workingFolder(notebooks: string, reports: string): Promise<WorkingFolder> {
  const parent = dirname(notebooks);
  if (resolve(parent, "reports") === reports) return { path: notebooks, [Symbol.asyncDispose]: async () => {} };
  const held = await holdFolder(PREFIX, parent);
  const path = resolve(held.path, basename(notebooks));
  await Deno.mkdir(path);
  await linkAll(parent, held.path, [...SETTINGS, basename(notebooks), "reports"]);
  await linkAll(notebooks, path, []);
  await link(reports, resolve(held.path, "reports"), "folder");
  return { path, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() };
}

/** Links what is in one folder into another, hidden files and some names aside. */
async function linkAll(from: string, to: string, without: readonly string[]): Promise<void> {
  for await (const { name, isFile, isDirectory } of Deno.readDir(from)) {
    if (name.startsWith(".") || without.includes(name)) continue;
    if (isFile || isDirectory) await link(resolve(from, name), resolve(to, name), isFile ? "file" : "folder");
  }
}

/** Windows lets a user make junctions and hard links, and no others. */
async function link(target: string, path: string, kind: "file" | "folder"): Promise<void> {
  if (kind === "folder") await Deno.symlink(target, path, { type: "junction" });
  else if (Deno.build.os === "windows") await Deno.link(target, path);
  else await Deno.symlink(target, path);
}
