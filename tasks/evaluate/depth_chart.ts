import type { DepthScore } from "kvmirror/eval";
import { type Chart, heatMaps } from "kvmirror/report";

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
