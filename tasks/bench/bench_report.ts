import type { RunFacts } from "../run_record.ts";
import type { BenchRow } from "./measurement.ts";
import type { Floor } from "./profile/measure_floor.ts";
import type { TokenProfile } from "./profile/measure_profile.ts";

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
  readonly rows: readonly BenchRow[];
  /** One a context, where `profile` was measured. */
  readonly profiles?: readonly TokenProfile[];
  readonly floor?: Floor;
}

const TEXTS = ["system", "metric", "unit"];
const NUMBERS = ["context", "value", "low", "high", "rounds"];

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
    throw refuse(`it is of format ${format} and this version reads ${REPORT_FORMAT}`);
  }
  if (typeof systems !== "object" || systems === null) throw refuse("it names no systems");
  const noText = ["command", "machine", "date"].find((name) => typeof report[name] !== "string");
  if (noText !== undefined) throw refuse(`it has no ${noText}`);
  for (const [index, row] of rows.entries()) {
    const wrong = TEXTS.find((name) => typeof row?.[name] !== "string") ??
      NUMBERS.find((name) => !Number.isFinite(row[name]));
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

/** The row of a system, metric and context. */
export function findRow(
  rows: readonly BenchRow[],
  system: string,
  metric: string,
  context: number,
): BenchRow | undefined {
  return rows.find((row) => row.system === system && row.metric === metric && row.context === context);
}
