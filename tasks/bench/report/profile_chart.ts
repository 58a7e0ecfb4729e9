import { barChart, type Chart, plain } from "kvmirror/report";
import type { BenchReport } from "../bench_report.ts";
import { floorMs } from "../profile/measure_floor.ts";

/** Operators that have a bar of their own. */
const SHOWN_OPERATORS = 3;

/** Where the milliseconds of a token go at the longest text, beside the floor that nobody gets below. */
export async function profileChart({ profiles = [], floor, model, machine }: BenchReport): Promise<Chart | undefined> {
  const profile = profiles.toSorted((one, other) => other.context - one.context).at(0);
  if (profile === undefined) return undefined;
  const least = floor === undefined ? undefined : floorMs(floor, profile.context);
  const shown = profile.operators.slice(0, SHOWN_OPERATORS);
  const rest = profile.operators.slice(SHOWN_OPERATORS);
  const rows = [
    ...least === undefined ? [] : [{ part: "the floor: weights and rows read once", ms: least }],
    { part: "a token, not profiled", ms: profile.tokenMs },
    ...shown.map(({ operator, count, microseconds }) => (
      { part: `${operator}, ${plain(Math.round(count))} nodes`, ms: microseconds / 1000 }
    )),
    ...rest.length === 0 ? [] : [{
      part: `${rest.length} other operators, ${plain(Math.round(sum(rest.map(({ count }) => count))))} nodes`,
      ms: sum(rest.map(({ microseconds }) => microseconds)) / 1000,
    }],
    { part: "between operators, profiler included", ms: profile.betweenMs },
    { part: "JavaScript and the binding", ms: profile.outsideMs },
  ];
  const times = least === undefined ? "" : `, ${(profile.tokenMs / least).toFixed(1)}× the floor`;
  return await barChart({
    rows,
    y: { field: "part", title: "" },
    x: { field: "ms", title: "ms a token" },
    label: ".1f",
    title: `A token at ${plain(profile.context)} rows takes ${profile.tokenMs.toFixed(1)} ms${times}`,
    subtitle: `${model?.name ?? "a model"}, int4 weights, ${machine}; the parts are of a profiled token, ${
      profile.profiledTokenMs.toFixed(1)
    } ms`,
    description: `Milliseconds: ${rows.map(({ part, ms }) => `${part} ${ms.toFixed(2)}`).join("; ")}.`,
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
