/** `deno task reproduce`: runs every notebook headless and writes their reports. */
import { checkModelName, EMBEDDED_MODEL, modelNamed, type ResolvedModel, resolveModel } from "kvmirror/engine";
import { sampleFolder } from "kvmirror/eval";
import { isAbsolute, relative, resolve } from "node:path";
import { cacheFolder } from "../lib/files/cache_folder.ts";
import { fileSize } from "../lib/files/exists.ts";
import { writeAtomic } from "../lib/files/write_atomic.ts";
import { describeFailure, showSource, tracedFiles } from "../lib/notebook/describe_failure.ts";
import { type FileChange, folderChanges, readFolder } from "../lib/notebook/folder_changes.ts";
import { injectParameters, type Parameter, parameterValues } from "../lib/notebook/parameters.ts";
import { type NotebookFile, readNotebooks } from "../lib/notebook/read_notebooks.ts";
import { runNotebook } from "../lib/notebook/run_notebook.ts";
import { serializeNotebook } from "../lib/notebook/serialize_notebook.ts";
import { cannotFind } from "../lib/numeric/nearest_name.ts";
import { type Flags, usage } from "./cli/flags.ts";
import { interruptSignal } from "./cli/interrupt.ts";
import { createFetchProgress } from "./cli/progress.ts";
import { printJson, printNotice, printText, writeText } from "./cli/print.ts";
import { runTask } from "./cli/run_task.ts";
import { UsageError } from "./cli/usage_error.ts";
import { createNotebookProgress, type NotebookProgress } from "./notebooks/progress.ts";
import { permitQueue } from "./queue/permit_queue.ts";
import { type QueueFlags, queueFromFlags, samplesBy, withoutQueue } from "./queue/queue_flags.ts";
import { type SampleService, serveSamples } from "./queue/serve_samples.ts";
import { codeHash } from "./queue/work_version.ts";
import { type RunFacts, runFacts, writeRunRecord } from "./notebooks/run_record.ts";
import { workingFolder } from "./notebooks/working_folder.ts";

/** Where reports go without `--output`, beside the notebooks' folder: the quick profile's are no match for the committed ones. */
const REPORTS = { quick: "reports-quick", full: "reports", deep: "reports" } as const;

/** What `deno task bench` wrote: a notebook shows it, and the summary leads to it. */
const BENCHMARK = [
  ...["bench.json", "performance.json", "performance.md"],
  ...["performance_qwen.json", "performance_qwen.md", "reading.json", "reading.md"],
];

/** The folder of pages that are made from all other reports. */
const SITE_FOLDER = "site";

/** Of dates, timings and machines: all that differs from run to run. */
const RECORD_FILE = "provenance.json";

/** Files that differ from run to run; notebooks write what they measured of this machine into the second. */
const SIDECARS = [RECORD_FILE, "measurements.json"];

/** What `deno task reproduce` starts it with. */
const REPRODUCE_PERMISSIONS: readonly string[] = [
  "-P=notebooks",
  `--allow-run=${Deno.execPath()},git,python3,python,pip3,pip`,
];

/** How long one cell may run, in ms: `deep` holds the long studies. */
const CELL_TIMEOUTS: Readonly<Record<string, number>> = { quick: 600_000, full: 3_600_000, deep: 86_400_000 };

await runTask("reproduce", async (flags) => {
  const profile = profileFromFlags(flags);
  const modelName = flags.text("model") ?? (profile === "quick" ? EMBEDDED_MODEL.name : "auto");
  usage(() => checkModelName(modelName));
  const folder = resolve(flags.text("notebooks")!);
  const notebooks = select(await readFolderOf(folder), flags.text("only"));
  const reports = reportsFromFlags(flags, folder, profile);
  const queue = queueFromFlags(flags);
  if (queue !== undefined) await permitQueue(queue.address, import.meta.url, REPRODUCE_PERMISSIONS);
  // Answers that other code gave are none of a fresh run's; those of an interrupted one are.
  const samples = flags.toggle("fresh") ? `${cacheFolder()}/fresh_samples/${codeHash().slice(0, 32)}` : undefined;
  await using service = await serviceOf(queue, samples);
  const signal = AbortSignal.any([await interruptSignal(), ...(service === undefined ? [] : [service.failed])]);
  const needsModel = notebooks.some(({ parameters }) => parameters.includes("model"));
  const model = needsModel ? await findModel(modelName, signal) : undefined;

  await Deno.mkdir(reports, { recursive: true });
  await copyBenchmark(resolve(folder, "../reports"), reports);
  await using working = await workingFolder(folder, reports);
  const before = await readFolder(reports);
  const facts = await runFacts(["deno task reproduce", ...withoutQueue(Deno.args)].join(" "), model);
  const job: Job = {
    folder: working.path,
    reports,
    facts,
    signal,
    env: kernelVariables(service?.address ?? samples),
    timeout: CELL_TIMEOUTS[profile],
    parameters: { profile, ...(model && { model: parameterFor(modelName, model, working.path) }) },
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
    return printJson({
      ...{ profile, model: facts.model, notebooks: done },
      ...{ output: reports, reports: changes, site: site.files },
    });
  }
  printChanges(reports, changes, model);
  printText(`${relative(Deno.cwd(), reports) || "."}/${SITE_FOLDER}: ${site.files.length} files, open index.html`);
});

/** What the notebooks of one run share. */
interface Job {
  /** Where kernels start. */
  readonly folder: string;
  readonly reports: string;
  readonly facts: RunFacts;
  readonly signal: AbortSignal;
  /** Variables of kernels. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeout: number;
  readonly parameters: Readonly<Record<string, Parameter>>;
}

/** Runs one notebook; its executed copy replaces the last one only if every cell was right. */
async function reproduce({ name, notebook }: NotebookFile, job: Job, progress: NotebookProgress): Promise<void> {
  const { folder, reports, facts, signal, env, timeout, parameters } = job;
  const started = new Date();
  const set = injectParameters(notebook, parameters);
  const onCell = (_: unknown, { step, steps }: { step: number; steps: number }) => progress.step(name, step, steps);
  const run = await runNotebook(set, { folder, env, signal, timeout, onCell });
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

/** What notebooks ask for the samples of their evaluations; nothing without a queue. */
async function serviceOf(
  queue: QueueFlags | undefined,
  samples: string | undefined,
): Promise<SampleService | undefined> {
  if (queue === undefined) return undefined;
  const { ask } = await samplesBy(queue, sampleFolder(samples));
  return ask && serveSamples(ask);
}

/** Where a kernel's evaluations find samples; by default the folder that all share. */
function kernelVariables(samples: string | undefined): Record<string, string> {
  return samples === undefined ? {} : { KVMIRROR_SAMPLES: samples };
}

type Profile = keyof typeof REPORTS;

function profileFromFlags(flags: Flags): Profile {
  const given = flags.text("profile")!;
  const profiles = Object.keys(REPORTS) as Profile[];
  const found = profiles.find((profile) => profile === given);
  if (found !== undefined) return found;
  throw new UsageError(`Cannot run profile ${given}: the profiles are ${profiles.join(", ")}`);
}

/** The folder that `--output` names, or the profile's own. */
function reportsFromFlags(flags: Flags, notebooks: string, profile: Profile): string {
  const output = flags.text("output");
  if (output === undefined) return resolve(notebooks, "..", REPORTS[profile]);
  if (fileSize(output) !== undefined) {
    throw new UsageError(`Cannot write reports to ${output} as it is a file: name a folder with --output`);
  }
  const reports = resolve(output);
  if (!relative(reports, notebooks).startsWith("..") && !isAbsolute(relative(reports, notebooks))) {
    throw new UsageError(`Cannot write reports to ${output} as the notebooks are in it: name another folder`);
  }
  return reports;
}

/** Brings what the benchmark measured, and the figures of its report, to reports that are made elsewhere. */
async function copyBenchmark(from: string, to: string): Promise<void> {
  if (from === to) return;
  for (const name of BENCHMARK) {
    if (fileSize(`${from}/${name}`) === undefined) continue;
    await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
    if (!name.endsWith(".md")) continue;
    const report = await Deno.readTextFile(`${from}/${name}`);
    for (const [, figure] of report.matchAll(/\]\((figures\/\w+\.png)\)/g)) {
      await Deno.mkdir(`${to}/figures`, { recursive: true });
      await Deno.copyFile(`${from}/${figure}`, `${to}/${figure}`);
    }
  }
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
  const fetching = createFetchProgress();
  try {
    const model = await resolveModel(name, {
      signal,
      onNotice: printNotice,
      onProgress: fetching.onProgress,
    });
    printNotice(`model ${model.name}, from ${model.source}`);
    return model;
  } finally {
    fetching.close();
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
  const [folder, summary] = [shortest(reports), shortest(resolve(reports, "benchmark_summary.md"))];
  printText(`\n${folder}: ${counts}; model: ${model?.name ?? "none was needed"}`);
  if (fileSize(summary) !== undefined) printText(`read ${summary}`);
}

/** A path as somebody in this folder would write it. */
function shortest(path: string): string {
  const from = relative(Deno.cwd(), path) || ".";
  return from.startsWith("..") ? path : from;
}
