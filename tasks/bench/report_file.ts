import { dirname, resolve } from "node:path";
import { writeWhole } from "../../lib/engine/write_whole.ts";
import { printNotice, writeAll } from "../print.ts";
import type { BenchReport } from "./bench_report.ts";

/** Writes a run as JSON, whole or not at all. */
export async function writeBenchReport(path: string, report: BenchReport): Promise<void> {
  await writeWhole(resolve(path), (file) => writeAll(file, `${JSON.stringify(report, null, 2)}\n`));
}

/**
 * Makes the folder of a report and tries it, so that a mistake shows before anything is measured.
 *
 * @throws {RangeError} if the path is a folder
 */
export async function checkWritable(path: string): Promise<void> {
  const folder = dirname(resolve(path));
  await Deno.mkdir(folder, { recursive: true });
  const isFolder = await Deno.stat(path).then(({ isDirectory }) => isDirectory, () => false);
  if (isFolder) throw new RangeError(`Cannot write ${path} as it is a folder: name a file in it`);
  await Deno.remove(await Deno.makeTempFile({ dir: folder, prefix: ".kvmirror-bench-" }));
}

/** The report stands beside the JSON, under its name. */
export async function renderBenchReport(path: string, report: BenchReport): Promise<void> {
  const written = `${resolve(path).replace(/\.json$/, "")}.md`;
  // Charts and tables load slowly, and a mistake in a flag needs none.
  const { writePerformanceReport } = await import("./report/write_performance_report.ts");
  await writePerformanceReport(written, report);
  printNotice(`report ${written}`);
}
