import { type Chart, lineChart } from "kvmirror/report";
import { type BenchReport, findRow } from "../bench_report.ts";
import type { BenchRow } from "../measurement.ts";
import { isStudy, policiesOf, STUDY_POLICIES } from "../study_turn.ts";
import { SERIES } from "./performance_charts.ts";

/**
 * Seconds a cell of a study against the number of its policies: a text is read once for all of them, so a cell of this
 * engine falls to its own cost; a peer reads the text for every cell.
 */
export async function studyChart({ rows, model, machine }: BenchReport): Promise<Chart | undefined> {
  const points = rows.flatMap((row) => countsOf(row).map((policies) => ({ ...row, policies })));
  const own = points.filter(({ system }) => system === "kvmirror");
  if (own.length < 2) return undefined;
  const seconds = points.map(({ value }) => value);
  const { context } = own[0];
  const [full, peer] = ["kvmirror", "kvpress"].map((system) => findRow(rows, system, "study", context));
  const single = findRow(rows, "kvmirror", "study_policies_1", context);
  const title = full !== undefined && peer !== undefined
    ? `A cell of a study of ${STUDY_POLICIES} policies takes kvpress ${(peer.value / full.value).toFixed(0)}× as long`
    : full !== undefined && single !== undefined
    ? `Of ${STUDY_POLICIES} policies a cell takes ${(full.value / single.value).toFixed(2)}× as long as of one`
    : "What a cell of a study takes";
  return await lineChart({
    rows: points.map(({ system, policies, value }) => ({ system, policies, value })),
    x: { field: "policies", title: "policies of the study", values: [1, 2, 5, STUDY_POLICIES] },
    y: {
      field: "value",
      title: "seconds a cell",
      scale: "log",
      domain: [Math.min(...seconds) / 1.3, Math.max(...seconds) * 1.3],
    },
    series: "system",
    order: SERIES,
    title,
    subtitle: `${
      model?.name ?? "a model"
    }, ${machine}; a text is read once for all policies; kvpress reads it for each cell`,
    description: `Seconds a cell by number of policies: ${
      points.map(({ system, policies, value }) => `${system} at ${policies} ${value.toFixed(2)}`).join("; ")
    }.`,
  });
}

/** Numbers of policies at which a row belongs; a peer's cells cost the same whatever their number. */
function countsOf({ system, metric }: BenchRow): number[] {
  if (!isStudy(metric)) return [];
  return system === "kvpress" ? [1, STUDY_POLICIES] : [policiesOf(metric)];
}
