import { jsonReport, table, writeReport } from "kvmirror/report";
import type { EvaluationReport } from "./evaluation_report.ts";

/** One model's evaluation, its figures aside. */
export interface ModelReport extends Omit<EvaluationReport, "figures"> {
  readonly model: string;
  readonly weights: string;
}

/** Beside the folders of several weights: all their results in one file, and each score in one table. */
export async function writeComparison(folder: string, reports: readonly ModelReport[]): Promise<void> {
  const rows = reports.flatMap(({ weights, results }) => results.map((row) => ({ weights, ...row })));
  await writeReport(`${folder}/results.json`, jsonReport(rows));
  const arms = Map.groupBy(
    rows,
    ({ task, policy, compression_ratio }) => JSON.stringify([task, policy, compression_ratio]),
  );
  const scores = [...arms.values()].map((own) => ({
    task: own[0].task,
    policy: own[0].policy,
    compression_ratio: own[0].compression_ratio,
    n: own[0].n,
    ...Object.fromEntries(
      own.map((row) => [row.weights, `${row.score.toFixed(3)} [${row.ci_low.toFixed(3)}, ${row.ci_high.toFixed(3)}]`]),
    ),
  }));
  const folders = reports.map(({ weights }) => `[${weights}](${weights}/report.md)`).join(", ");
  await writeReport(
    `${folder}/report.md`,
    [
      "# Evaluation by weights",
      `Scores with their 95 % intervals. All there is to each: ${folders}.`,
      table(scores).markdown,
      reports[0].provenance,
    ].join("\n\n") + "\n",
  );
}
