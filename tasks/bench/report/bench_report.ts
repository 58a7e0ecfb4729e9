import { dirname, resolve } from "node:path";
import { isFolder } from "../../../lib/files/exists.ts";
import { writeAtomic } from "../../../lib/files/write_atomic.ts";
import { writeText } from "../../cli/print.ts";
import type { RunFacts } from "../../notebooks/run_record.ts";
import type { Floor } from "../metrics/floor.ts";
import type { TokenProfile } from "../metrics/profile.ts";
import type { ReportRow } from "../plan/bench_result.ts";

/** Raised whenever a field's meaning changes. */
export const REPORT_FORMAT = 1;

/** All of one run, as `--output` writes it. */
export interface BenchReport extends RunFacts {
  /** Absent in files from before there were formats. */
  readonly format?: typeof REPORT_FORMAT;
  /** Whether the run was interrupted: rows hold the rounds that were finished. */
  readonly unfinished?: true;
  /** When it ended, ISO 8601. */
  readonly date: string;
  /** What each system ran, by its name. */
  readonly systems: Readonly<Record<string, string>>;
  readonly rows: readonly ReportRow[];
  /** One a context, where `profile` was measured. */
  readonly profiles?: readonly TokenProfile[];
  readonly floor?: Floor;
}

const TEXTS = ["system", "metric", "unit"];
const NUMBERS = ["context", "value", "low", "high", "rounds"];

/** Fields of a row whose number could not be had; its value is null. */
const UNMEASURED = { texts: [...TEXTS, "reason"], numbers: ["context"] };

/**
 * Reads a file that `--output` wrote.
 *
 * @throws {RangeError} if there is none
 * @throws {SyntaxError} if it is no such report, or of another version
 */
export async function readBenchReport(path: string): Promise<BenchReport> {
  const text = await Deno.readTextFile(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new RangeError(`Cannot read ${path} as there is no such file: write one with --output`);
  });
  const report = objectOf(text);
  const refuse = (state: string) => new SyntaxError(`Cannot read ${path} as ${state}: write one with --output`);
  if (!Array.isArray(report?.rows)) throw refuse("it holds no rows of a benchmark");
  const { format, systems, rows } = report;
  if (format !== undefined && format !== REPORT_FORMAT) {
    throw refuse(`it is of format ${JSON.stringify(format).slice(0, 80)} and this version reads ${REPORT_FORMAT}`);
  }
  if (typeof systems !== "object" || systems === null) throw refuse("it names no systems");
  const noText = ["command", "machine", "date"].find((name) => typeof report[name] !== "string");
  if (noText !== undefined) throw refuse(`it has no ${noText}`);
  for (const [index, row] of rows.entries()) {
    const { texts, numbers } = row?.value === null ? UNMEASURED : { texts: TEXTS, numbers: NUMBERS };
    const wrong = texts.find((name) => typeof row?.[name] !== "string") ??
      numbers.find((name) => !Number.isFinite(row[name]));
    if (wrong !== undefined) throw refuse(`its row ${index + 1} lacks ${wrong}`);
  }
  return report as unknown as BenchReport;
}

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value as Record<string, unknown> : undefined;
  } catch {
    return undefined;
  }
}

/** Writes a run as JSON, atomically. */
export async function writeBenchReport(path: string, report: BenchReport): Promise<void> {
  await writeAtomic(resolve(path), (file) => writeText(file, `${JSON.stringify(report, null, 2)}\n`));
}

/**
 * Makes the folder of a report and tries it, so that a mistake shows before anything is measured.
 *
 * @throws {RangeError} if the path is a folder
 */
export async function checkWritable(path: string): Promise<void> {
  const folder = dirname(resolve(path));
  await Deno.mkdir(folder, { recursive: true });
  if (isFolder(path)) throw new RangeError(`Cannot write ${path} as it is a folder: name a file in it`);
  await Deno.remove(await Deno.makeTempFile({ dir: folder, prefix: ".kvmirror-bench-" }));
}
