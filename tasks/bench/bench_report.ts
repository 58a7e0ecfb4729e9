import type { RunFacts } from "../run_record.ts";
import type { BenchRow } from "./measurement.ts";
import type { Floor } from "./profile/measure_floor.ts";
import type { TokenProfile } from "./profile/measure_profile.ts";

/** All of one run, as `--output` writes it. */
export interface BenchReport extends RunFacts {
  /** When it ended, ISO 8601. */
  readonly date: string;
  /** What each system ran, by its name. */
  readonly systems: Readonly<Record<string, string>>;
  readonly rows: readonly BenchRow[];
  /** One a context, where `profile` was measured. */
  readonly profiles?: readonly TokenProfile[];
  readonly floor?: Floor;
}

/**
 * Reads a file that `--output` wrote.
 *
 * @throws {RangeError} if there is none
 * @throws {SyntaxError} if it is no such report
 */
export async function readBenchReport(path: string): Promise<BenchReport> {
  const text = await Deno.readTextFile(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new RangeError(`Cannot read ${path} as there is no such file: write one with --output`);
  });
  let report: unknown;
  try {
    report = JSON.parse(text);
  } catch {
    report = undefined;
  }
  if (typeof report === "object" && report !== null && "rows" in report && Array.isArray(report.rows)) {
    return report as BenchReport;
  }
  throw new SyntaxError(`Cannot read ${path} as it holds no rows of a benchmark: write one with --output`);
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
