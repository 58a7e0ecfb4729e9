import { mean } from "../../numeric/mean.ts";
import { type Chart, chart } from "../../report/charts/chart.ts";
import { heatMaps } from "../../report/charts/heat_map.ts";
import { OKABE_ITO, seriesScales } from "../../report/render/palette.ts";
import type { DepthScore } from "../scores/depth_scores.ts";
import type { TaskGate } from "../scores/task_gates.ts";
import type { TaskScore } from "../scores/task_scores.ts";

/** Drawn whatever they score. */
const CONTROLS = ["random", "streaming_llm", "cut_prompt", "oracle"];

/** Policies at one ratio stand this far beside each other, so that none hides another. */
const BESIDE = 0.006;

/** Score against compression ratio with intervals, one small chart a task; the full cache is the dashed line. */
export function scoreChart(results: readonly TaskScore[], gates: readonly TaskGate[]): Promise<Chart> {
  const full = new Map(gates.map(({ task, full_score }) => [task, full_score]));
  const evicting = results.filter(({ policy }) => policy !== "keep_all");
  const names = drawnPolicies(evicting);
  const total = new Set(evicting.map(({ policy }) => policy)).size;
  const rows = evicting.filter(({ policy }) => names.includes(policy))
    .map((row) => ({
      ...row,
      full_score: full.get(row.task) ?? null,
      place: row.compression_ratio + (names.indexOf(row.policy) - (names.length - 1) / 2) * BESIDE,
    }));
  const scales = seriesScales(names);
  const ratios = [...new Set(rows.map(({ compression_ratio }) => compression_ratio))];
  const x = {
    field: "place",
    type: "quantitative",
    title: "compression ratio",
    scale: { zero: false },
    axis: { values: ratios, labelExpr: "'' + datum.value" },
  };
  const y = { field: "score", type: "quantitative", title: "score", scale: { domain: [0, 1] } };
  const policy = { field: "policy", type: "nominal", sort: null };
  return chart({
    description: `Score against compression ratio for ${gates.map(({ task }) => task).join(", ")}: ${
      names.join(", ")
    }, with 95 % intervals; a dashed line is the full cache.${best(rows)}`,
    title: {
      text: "What evictions leave of the score",
      subtitle: `${
        names.length === total ? "All" : `${names.length} of ${total}`
      } policies; bars: 95 % intervals; dashed: full cache`,
    },
    data: { values: rows },
    facet: { field: "task", type: "nominal", title: null, sort: gates.map(({ task }) => task) },
    columns: 2,
    spec: {
      width: 260,
      height: 180,
      layer: [
        {
          mark: { type: "rule", strokeDash: [4, 3], color: "#666" },
          encoding: { y: { field: "full_score", type: "quantitative", aggregate: "max" } },
        },
        {
          mark: { type: "rule", opacity: 0.5 },
          encoding: {
            x,
            y: { ...y, field: "ci_low" },
            y2: { field: "ci_high" },
            color: { ...policy, scale: scales.color },
          },
        },
        { mark: { type: "line" }, encoding: { x, y, color: { ...policy, scale: scales.color } } },
        {
          mark: { type: "point" },
          encoding: {
            x,
            y,
            color: { ...policy, scale: scales.color },
            shape: { ...policy, scale: scales.shape },
          },
        },
      ],
    },
  });
}

/** The controls, and of the others as many of the best as can be told apart. */
function drawnPolicies(rows: readonly TaskScore[]): string[] {
  const means = [...Map.groupBy(rows, ({ policy }) => policy)].map(([policy, own]) => ({
    policy,
    mean: mean(own.map(({ score }) => score)),
  }));
  const controls = means.filter(({ policy }) => CONTROLS.includes(policy));
  const others = means.filter(({ policy }) => !CONTROLS.includes(policy)).sort((one, other) => other.mean - one.mean);
  return [...others.slice(0, OKABE_ITO.length - controls.length), ...controls].map(({ policy }) => policy);
}

function best(rows: readonly TaskScore[]): string {
  const scored = rows.filter(({ policy }) => !CONTROLS.includes(policy)).toSorted((one, other) =>
    other.score - one.score
  );
  if (scored.length === 0) return "";
  const { policy, task, compression_ratio, score } = scored[0];
  return ` The highest score is ${score.toFixed(2)}, of ${policy} on ${task} at ${compression_ratio}.`;
}

/** Where needles are found: depth against length, one small heat map a policy, at one compression ratio. */
export function depthChart(scores: readonly DepthScore[], compressionRatio: number): Promise<Chart> {
  const rows = scores.filter(({ policy, compression_ratio }) =>
    policy === "keep_all" || compression_ratio === compressionRatio
  );
  const policies = [...new Set(rows.map(({ policy }) => policy))];
  const lost = rows.toSorted((one, other) => one.score - other.score)[0];
  return heatMaps({
    rows: rows.map((row) => ({ ...row })),
    facet: "policy",
    x: { field: "length", title: "tokens" },
    y: "depth",
    yFormat: ".0%",
    value: "score",
    label: ".2f",
    title: "Which needles are found",
    subtitle: `Compression ratio ${compressionRatio}; numbers: mean score`,
    description:
      `Score by needle depth and length at compression ratio ${compressionRatio}, for ${policies.join(", ")}. ` +
      `The lowest is ${lost.score.toFixed(2)}, of ${lost.policy} at ${lost.length} tokens from depth ${lost.depth} on.`,
  });
}
