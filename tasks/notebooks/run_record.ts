import { readCheckpoint, type ResolvedModel } from "kvmirror/engine";
import settings from "../../deno.json" with { type: "json" };
import { gitCommit } from "../../lib/files/git_commit.ts";
import { writeAtomic } from "../../lib/files/write_atomic.ts";
import { writeText } from "../cli/print.ts";

/** What differs from run to run, kept in a file of its own: the reports beside it are the same bytes each time. */
export interface RunRecord {
  readonly command: string;
  readonly model: { readonly name: string; readonly source: string; readonly sha256: string } | null;
  readonly seed: number | null;
  /** The commit, with `+` where files differ from it; `null` outside a checkout. */
  readonly commit: string | null;
  readonly versions: Readonly<Record<string, string>>;
  readonly machine: string;
  readonly started: string;
  readonly seconds: number;
  /** By the cell's id. */
  readonly cell_seconds: Readonly<Record<string, number>>;
}

/** What all notebooks of one run have in common. */
export type RunFacts = Pick<RunRecord, "command" | "model" | "commit" | "versions" | "machine">;

/** Collects what is known before the first notebook runs. */
export async function runFacts(command: string, model: ResolvedModel | undefined): Promise<RunFacts> {
  return {
    command,
    model: model === undefined ? null : { name: model.name, source: model.source, sha256: await hashOf(model) },
    commit: await gitCommit(),
    versions: versions(),
    machine: `${Deno.build.os} ${Deno.build.arch}, ${navigator.hardwareConcurrency} cores`,
  };
}

/** Puts the record of one notebook into the file at `path`, beside what the notebook itself measured. */
export async function writeRunRecord(path: string, notebook: string, record: RunRecord): Promise<void> {
  const records = await readRecords(path);
  const merged = { ...records, [notebook]: { ...records[notebook], run: record } };
  const sorted = Object.fromEntries(Object.entries(merged).sort(([one], [other]) => one < other ? -1 : 1));
  await writeAtomic(path, (file) => writeText(file, `${JSON.stringify(sorted, null, 2)}\n`));
}

async function readRecords(path: string): Promise<Record<string, Record<string, unknown>>> {
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    if (error instanceof SyntaxError) throw new SyntaxError(`Cannot add to ${path} as it is no JSON: remove the file`);
    throw error;
  }
}

async function hashOf(model: ResolvedModel): Promise<string> {
  using checkpoint = await readCheckpoint(model.path);
  return checkpoint.hash;
}

function versions(): Record<string, string> {
  const packages = Object.values(settings.imports).map((specifier) => specifier.match(/^npm:\/?(.+)@([\d.]+)\/?$/));
  const pinned = packages.filter((match) => match !== null).map(([, name, version]) => [name, version]);
  return { kvmirror: settings.version, deno: Deno.version.deno, v8: Deno.version.v8, ...Object.fromEntries(pinned) };
}
