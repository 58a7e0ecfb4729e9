import type { DepthScore } from "kvmirror/eval";
import { type Chart, chart, RAMP } from "kvmirror/report";

/** Where needles are found: depth against length, one small heat map a policy, at one compression ratio. */
export function depthChart(scores: readonly DepthScore[], compressionRatio: number): Promise<Chart> {
  const rows = scores.filter(({ policy, compression_ratio }) =>
    policy === "keep_all" || compression_ratio === compressionRatio
  );
  const policies = [...new Set(rows.map(({ policy }) => policy))];
  const lost = rows.toSorted((one, other) => one.score - other.score)[0];
  return chart({
    description:
      `Score by needle depth and length at compression ratio ${compressionRatio}, for ${policies.join(", ")}. ` +
      `The lowest is ${lost.score.toFixed(2)}, of ${lost.policy} at ${lost.length} tokens from depth ${lost.depth} on.`,
    title: { text: "Which needles are found", subtitle: `Compression ratio ${compressionRatio}; numbers: mean score` },
    data: { values: rows },
    facet: { field: "policy", type: "nominal", title: null, sort: policies },
    columns: 3,
    spec: {
      width: { step: 48 },
      height: { step: 26 },
      encoding: {
        x: { field: "length", type: "ordinal", title: "tokens", axis: { labelAngle: 0 } },
        y: { field: "depth", type: "ordinal", title: "depth", axis: { format: ".0%" } },
      },
      layer: [
        {
          mark: { type: "rect" },
          encoding: {
            color: { field: "score", type: "quantitative", scale: { scheme: RAMP, domain: [0, 1] } },
          },
        },
        {
          mark: { type: "text", fontSize: 12 },
          encoding: {
            text: { field: "score", type: "quantitative", format: ".2f" },
            color: { condition: { test: "datum.score > 0.5", value: "black" }, value: "white" },
          },
        },
      ],
    },
  });
}
