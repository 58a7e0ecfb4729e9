/** `deno task reproduce`: runs every notebook headless and rewrites reports/. */
import { checkModelName, EMBEDDED_MODEL, modelNamed, type ResolvedModel, resolveModel } from "kvmirror/engine";
import { isAbsolute, relative, resolve } from "node:path";
import { writeAtomic } from "../lib/files/write_atomic.ts";
import { describeFailure, showSource, tracedFiles } from "../lib/notebook/describe_failure.ts";
import { type FileChange, folderChanges, readFolder } from "../lib/notebook/folder_changes.ts";
import { injectParameters, type Parameter, parameterValues } from "../lib/notebook/parameters.ts";
import { type NotebookFile, readNotebooks } from "../lib/notebook/read_notebooks.ts";
import { runNotebook } from "../lib/notebook/run_notebook.ts";
import { serializeNotebook } from "../lib/notebook/serialize_notebook.ts";
import { cannotFind } from "../lib/numeric/nearest_name.ts";
import { usage } from "./cli/flags.ts";
import { interruptSignal } from "./cli/interrupt.ts";
import { createProgress } from "./cli/progress.ts";
import { printJson, printNotice, printText, writeText } from "./cli/print.ts";
import { runTask } from "./cli/run_task.ts";
import { UsageError } from "./cli/usage_error.ts";
import { createNotebookProgress, type NotebookProgress } from "./notebooks/progress.ts";
import { type RunFacts, runFacts, writeRunRecord } from "./notebooks/run_record.ts";

const PROFILES = ["quick", "full", "deep"];

/** The folder of pages that are made from all other reports. */
const SITE_FOLDER = "site";

/** Of dates, timings and machines: all that differs from run to run. */
const RECORD_FILE = "provenance.json";

/** Files that differ from run to run; notebooks write what they measured of this machine into the second. */
const SIDECARS = [RECORD_FILE, "measurements.json"];

/** How long one cell may run, in ms: `deep` holds the long studies. */
const CELL_TIMEOUTS: Readonly<Record<string, number>> = { quick: 600_000, full: 3_600_000, deep: 86_400_000 };

await runTask("reproduce", async (flags) => {
  const profile = flags.text("profile")!;
  if (!PROFILES.includes(profile)) {
    throw new UsageError(`Cannot run profile ${profile}: the profiles are ${PROFILES.join(", ")}`);
  }
  const modelName = flags.text("model") ?? (profile === "quick" ? EMBEDDED_MODEL.name : "auto");
  usage(() => checkModelName(modelName));
  const folder = resolve(flags.text("notebooks")!);
  const notebooks = select(await readFolderOf(folder), flags.text("only"));
  const signal = interruptSignal();
  const needsModel = notebooks.some(({ parameters }) => parameters.includes("model"));
  const model = needsModel ? await findModel(modelName, signal) : undefined;

  const reports = resolve(folder, "../reports");
  await Deno.mkdir(reports, { recursive: true });
  const before = await readFolder(reports);
  const facts = await runFacts(["deno task reproduce", ...Deno.args].join(" "), model);
  const job: Job = {
    folder,
    reports,
    facts,
    signal,
    timeout: CELL_TIMEOUTS[profile],
    parameters: { profile, ...(model && { model: parameterFor(modelName, model, folder) }) },
  };
  const done: string[] = [];
  using progress = createNotebookProgress();
  try {
    for (const notebook of notebooks) {
      await reproduce(notebook, job, progress);
      done.push(notebook.name);
    }
  } catch (error) {
    if (done.length > 0) printNotice(`\nfinished before it: ${done.join(", ")}`);
    throw error;
  }
  // The site brings charts in, which no notebook has to wait for.
  const { writeSite } = await import("../lib/report/site/write_site.ts");
  const site = await writeSite(reports, `${reports}/${SITE_FOLDER}`);
  const changes = folderChanges(before, await readFolder(reports))
    .filter(({ path }) => !SIDECARS.includes(path) && !path.startsWith(`${SITE_FOLDER}/`));
  if (flags.toggle("json")) {
    return printJson({ profile, model: facts.model, notebooks: done, reports: changes, site: site.files });
  }
  printChanges(reports, changes, model);
  printText(`${relative(Deno.cwd(), reports) || "."}/${SITE_FOLDER}: ${site.files.length} files, open index.html`);
});

/** What the notebooks of one run share. */
interface Job {
  readonly folder: string;
  readonly reports: string;
  readonly facts: RunFacts;
  readonly signal: AbortSignal;
  readonly timeout: number;
  readonly parameters: Readonly<Record<string, Parameter>>;
}

/** Runs one notebook; its executed copy replaces the last one only if every cell was right. */
async function reproduce({ name, notebook }: NotebookFile, job: Job, progress: NotebookProgress): Promise<void> {
  const { folder, reports, facts, signal, timeout, parameters } = job;
  const started = new Date();
  const set = injectParameters(notebook, parameters);
  const onCell = (_: unknown, { step, steps }: { step: number; steps: number }) => progress.step(name, step, steps);
  const run = await runNotebook(set, { folder, signal, timeout, onCell });
  if (run.failed !== undefined) {
    printNotice(`\n${showSource(run.failed)}\n`);
    for (const frame of tracedFiles(run.failed)) printNotice(`  ${frame}`);
    throw new Error(describeFailure(`${name}.ipynb`, run.failed));
  }
  await writeAtomic(`${reports}/${name}.ipynb`, (file) => writeText(file, serializeNotebook(run.notebook)));
  const { model, ...shared } = facts;
  const { seed, model: usesModel } = parameterValues(set);
  await writeRunRecord(`${reports}/${RECORD_FILE}`, name, {
    ...shared,
    model: usesModel === undefined ? null : model,
    seed: typeof seed === "number" ? seed : null,
    started: started.toISOString(),
    seconds: (Date.now() - started.getTime()) / 1000,
    cell_seconds: Object.fromEntries(Object.entries(run.times).map(([id, ms]) => [id, Math.round(ms) / 1000])),
  });
  progress.done(name);
}

async function readFolderOf(folder: string): Promise<NotebookFile[]> {
  try {
    const notebooks = await readNotebooks(folder);
    if (notebooks.length > 0) return notebooks;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  throw new UsageError(`Cannot find a notebook in ${folder}: name the folder with --notebooks`);
}

function select(notebooks: readonly NotebookFile[], only: string | undefined): readonly NotebookFile[] {
  if (only === undefined) return notebooks;
  const wanted = only.replace(/\.ipynb$/, "");
  const found = notebooks.filter(({ name }) => name === wanted || name.replace(/^\d+_/, "") === wanted);
  if (found.length > 0) return found;
  throw new UsageError(cannotFind("notebook", wanted, notebooks.map(({ name }) => name)));
}

async function findModel(name: string, signal: AbortSignal): Promise<ResolvedModel> {
  const progress = createProgress("fetching");
  try {
    const model = await resolveModel(name, {
      signal,
      onNotice: printNotice,
      onProgress: ({ received, total }) => progress.update(received, total),
    });
    printNotice(`model ${model.name}, from ${model.source}`);
    return model;
  } finally {
    progress.close();
  }
}

/** What a notebook calls the model: its name, or its path as seen from the notebook. */
function parameterFor(asked: string, { name, path }: ResolvedModel, folder: string): string {
  if (asked === "auto" || asked === EMBEDDED_MODEL.name || modelNamed(asked) !== undefined) return name;
  const fromNotebook = relative(folder, resolve(path));
  return isAbsolute(fromNotebook) ? fromNotebook : `./${fromNotebook}`.replaceAll("\\", "/");
}

function printChanges(reports: string, changes: readonly FileChange[], model: ResolvedModel | undefined): void {
  const width = Math.max(...changes.map(({ path }) => path.length));
  for (const { path, change } of changes) printText(`${path.padEnd(width)}  ${change}`);
  const count = (change: string) => changes.filter((file) => file.change === change).length;
  const counts = ["added", "changed", "removed", "same"].map((change) => `${count(change)} ${change}`).join(", ");
  printText(`\n${relative(Deno.cwd(), reports) || "."}: ${counts}; model: ${model?.name ?? "none was needed"}`);
}
