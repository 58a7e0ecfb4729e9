import { barChart, type Chart, intervalChart, lineChart, plain } from "kvmirror/report";
import { floorMs } from "../metrics/floor.ts";
import { BOUNDED_ROWS } from "../metrics/reading.ts";
import { isStudy, policiesOf, STUDY_POLICIES } from "../metrics/study.ts";
import { type BenchRow, divergenceOf, findRow, isMeasured, type ReportRow, speedUp } from "../plan/bench_result.ts";
import type { BenchReport } from "./bench_report.ts";

/** Every line of these charts, so that each looks the same in all of them; int4 weights have a table instead. */
export const SERIES: readonly string[] = [
  ...["kvmirror", "transformers.js", "node-llama-cpp", "onnxruntime-genai", "kvpress", "kvmirror f32"],
  ...["floor of memory", "openvino-genai"],
];

/** A system and the nats that its answers lose: a line of speeds is never told without. */
function labelOf(rows: readonly ReportRow[], system: string): string {
  if (system === "floor of memory") return system;
  const lost = divergenceOf(rows, system);
  return `${system}, KL ${"kl" in lost ? lost.kl.toPrecision(2) : "not measured"}`;
}

/** The chart of one metric against the tokens that were read. */
interface MetricChart {
  readonly metric: string;
  readonly title: string;
  readonly x: string;
  readonly y: string;
}

/** Milliseconds a token against cached rows, and the floor under them; undefined where nothing was measured. */
export async function decodeChart(report: BenchReport): Promise<Chart | undefined> {
  const { rows, floor } = report;
  const decode = rowsOf(rows, "decode");
  if (decode.length === 0) return undefined;
  const contexts = [...new Set(decode.map(({ context }) => context))];
  const least = floor === undefined ? [] : contexts.map((context) => ({
    system: "floor of memory",
    context,
    value: floorMs(floor, context),
  }));
  return await metricChart(
    [...decode, ...least],
    { metric: "decode", x: "cached rows a head", y: "ms a token", title: titleOf(rows, "decode", "decodes") },
    report,
  );
}

/** Tokens a second against the length of the text. */
export async function prefillChart(report: BenchReport): Promise<Chart | undefined> {
  const prefill = rowsOf(report.rows, "prefill");
  if (prefill.length === 0) return undefined;
  return await metricChart(
    prefill,
    {
      metric: "prefill",
      x: "tokens of the text",
      y: "tokens read a second",
      title: titleOf(report.rows, "prefill", "reads"),
    },
    report,
  );
}

/** What an eviction is worth: this engine at each share of rows, with the lowest and highest round. */
export async function evictionChart({ rows: reported, ...report }: BenchReport): Promise<Chart | undefined> {
  const rows = reported.filter(isMeasured);
  const evicted = rows.filter(({ system, metric }) => system === "kvmirror" && metric.startsWith("decode_evicted_"));
  if (evicted.length === 0) return undefined;
  const shown = rows.filter(({ system, metric }) => system === "kvmirror" && metric.startsWith("decode"));
  const percentOf = ({ metric }: BenchRow) => Number(metric.match(/[\d.]+$/)?.[0] ?? 0);
  const longest = Math.max(...evicted.map(({ context }) => context));
  const best =
    evicted.filter(({ context }) => context === longest).sort((one, other) => percentOf(other) - percentOf(one))[0];
  const full = findRow(rows, "kvmirror", "decode", longest);
  const times = full === undefined
    ? ""
    : `: ${(full.value / best.value).toFixed(1)}× as fast without ${percentOf(best)} % of ${plain(longest)} rows`;
  return await intervalChart({
    rows: shown.toSorted((one, other) => percentOf(one) - percentOf(other)).map((row) => ({
      evicted: percentOf(row) === 0 ? "all rows" : `${percentOf(row)} % evicted`,
      rows: plain(row.context),
      value: row.value,
      low: row.low,
      high: row.high,
    })),
    y: { field: "evicted", title: "" },
    x: {
      field: "value",
      title: "ms a token, lowest and highest round",
      domain: fromZero(shown.map(({ high }) => high)),
    },
    low: "low",
    high: "high",
    series: { field: "rows", title: "rows before" },
    title: `Evicted rows are not read${times}`,
    subtitle: `${report.model?.name ?? "a model"}, int8 weights, ${labelOf(rows, "kvmirror")}; ${report.machine}`,
    description: `Milliseconds a token: ${
      shown.map((row) => `${percentOf(row)} % of ${row.context} rows evicted ${row.value.toFixed(1)}`).join("; ")
    }.`,
  });
}

function rowsOf(rows: readonly ReportRow[], metric: string): BenchRow[] {
  return rows.filter(isMeasured).filter((row) => row.metric === metric && SERIES.includes(row.system));
}

/** From zero, that lengths may be compared, to a round number above the greatest. */
function fromZero(values: readonly number[]): [number, number] {
  const greatest = Math.max(...values);
  const step = 10 ** Math.floor(Math.log10(greatest)) / 5;
  return [0, Math.ceil(greatest / step) * step];
}

/** The claim: how many times as fast as the fastest peer at the longest text, or how far behind it. */
function titleOf(reported: readonly ReportRow[], metric: string, verb: string): string {
  const rows = reported.filter(isMeasured);
  const longest = Math.max(...rowsOf(rows, metric).map(({ context }) => context));
  const own = findRow(rows, "kvmirror", metric, longest);
  const peers = rows.filter((row) =>
    row.metric === metric && row.context === longest && !row.system.startsWith("kvmirror")
  );
  const higher = metric === "prefill";
  const [best] = peers.toSorted((one, other) => higher ? other.value - one.value : one.value - other.value);
  if (own === undefined || best === undefined) return `How fast each ${verb}`;
  const times = speedUp(own, best);
  const [first, second] = times >= 1 ? ["KVMirror", best.system] : [best.system, "KVMirror"];
  const factor = Math.max(times, 1 / times).toFixed(1);
  if (factor === "1.0") return `KVMirror ${verb} about as fast as ${best.system} at ${plain(longest)} tokens`;
  return `${first} ${verb} ${factor}× as fast as ${second} at ${plain(longest)} tokens`;
}

async function metricChart(
  rows: readonly Pick<BenchRow, "system" | "context" | "value">[],
  { metric, title, x, y }: MetricChart,
  { model, machine, rows: all }: BenchReport,
): Promise<Chart> {
  const rounds = Math.max(...rowsOf(all, metric).map(({ rounds }) => rounds));
  return await lineChart({
    rows: rows.map(({ system, context, value }) => ({ system: labelOf(all, system), context, value })),
    x: { field: "context", title: x },
    y: { field: "value", title: y, domain: fromZero(rows.map(({ value }) => value)) },
    series: "system",
    order: SERIES.map((system) => labelOf(all, system)),
    title,
    subtitle: `${model?.name ?? "a model"}, ${machine}, medians of ${rounds} ${
      rounds === 1 ? "round" : "rounds"
    } in turns`,
    description: `${y} by ${x}: ${
      rows.map(({ system, context, value }) => `${system} at ${context} ${value.toFixed(1)}`).join("; ")
    }.`,
  });
}

/**
 * Seconds a sample of a study against the number of its policies: a text is read once for all of them, so a sample of this
 * engine falls to its own cost; a peer reads the text for every sample.
 */
export async function studyChart({ rows: reported, model, machine }: BenchReport): Promise<Chart | undefined> {
  const rows = reported.filter(isMeasured);
  const points = rows.flatMap((row) => countsOf(row).map((policies) => ({ ...row, policies })));
  const own = points.filter(({ system }) => system === "kvmirror");
  if (own.length < 2) return undefined;
  const seconds = points.map(({ value }) => value);
  const { context } = own[0];
  const [full, peer] = ["kvmirror", "kvpress"].map((system) => findRow(rows, system, "study", context));
  const single = findRow(rows, "kvmirror", "study_policies_1", context);
  const title = full !== undefined && peer !== undefined
    ? `A sample of a study of ${STUDY_POLICIES} policies takes kvpress ${(peer.value / full.value).toFixed(0)}× as long`
    : full !== undefined && single !== undefined
    ? `Of ${STUDY_POLICIES} policies a sample takes ${(full.value / single.value).toFixed(2)}× as long as of one`
    : "What a sample of a study takes";
  return await lineChart({
    rows: points.map(({ system, policies, value }) => ({ system: labelOf(rows, system), policies, value })),
    x: { field: "policies", title: "policies of the study", values: [1, 2, 5, STUDY_POLICIES] },
    y: {
      field: "value",
      title: "seconds a sample",
      scale: "log",
      domain: [Math.min(...seconds) / 1.3, Math.max(...seconds) * 1.3],
    },
    series: "system",
    order: SERIES.map((system) => labelOf(rows, system)),
    title,
    subtitle: `${
      model?.name ?? "a model"
    }, ${machine}; a text is read once for all policies; kvpress reads it for each sample`,
    description: `Seconds a sample by number of policies: ${
      points.map(({ system, policies, value }) => `${system} at ${policies} ${value.toFixed(2)}`).join("; ")
    }.`,
  });
}

/** Numbers of policies at which a row belongs; a peer's samples cost the same whatever their number. */
function countsOf({ system, metric }: BenchRow): number[] {
  if (!isStudy(metric)) return [];
  return system === "kvpress" ? [1, STUDY_POLICIES] : [policiesOf(metric)];
}

/** What a bounded cache is called in the chart of reading. */
const BOUNDED = `kvmirror, ${plain(BOUNDED_ROWS)} rows a head`;

/** Series of the chart of reading: systems look as they do elsewhere, and the bounded cache as nobody does. */
const READING_SERIES = SERIES.map((system) => system === "floor of memory" ? BOUNDED : system);

/** Seconds that a text takes against its length: a line under a bound, a curve where all rows are kept. */
export async function readingChart({ rows, model, machine }: BenchReport): Promise<Chart | undefined> {
  const bounded = rowsOf(rows, "read_bounded").map((row) => ({ ...row, series: BOUNDED }));
  const full = rowsOf(rows, "read_full").map((row) => ({ ...row, series: row.system }));
  const read = [...bounded, ...full];
  if (read.length === 0) return undefined;
  const label = (series: string) => {
    const lost = divergenceOf(rows, series === BOUNDED ? "kvmirror" : series);
    return `${series}, KL ${"kl" in lost ? lost.kl.toPrecision(2) : "not measured"}`;
  };
  const words = {
    title: readingTitle(bounded, full),
    subtitle: `${model?.name ?? "a model"}, ${machine}; a text is read once; KL is of full caches`,
    description: `Seconds to read a text: ${
      read.map(({ series, context, value }) => `${series} ${context} tokens ${value.toFixed(1)}`).join("; ")
    }.`,
  };
  const labelled = read.map(({ series, context, value }) => ({ system: label(series), context, value }));
  const seconds = { field: "value", title: "seconds to read it", domain: fromZero(read.map(({ value }) => value)) };
  if (new Set(read.map(({ context }) => context)).size === 1) {
    const rows = labelled.toSorted((one, other) => one.value - other.value);
    return await barChart({ rows, x: seconds, y: "system", label: ".1f", ...words });
  }
  return await lineChart({
    ...{ rows: labelled, x: { field: "context", title: "tokens of the text" }, y: seconds, series: "system" },
    order: READING_SERIES.map(label),
    ...words,
  });
}

/**
 * How the times of the longest and the shortest text go, under the bound and with all rows of the same engine; of one length
 * the two times.
 */
function readingTitle(bounded: readonly BenchRow[], full: readonly BenchRow[]): string {
  const growth = (rows: readonly BenchRow[]) => {
    const own = rows.filter(({ system }) => system === "kvmirror").toSorted((one, other) =>
      one.context - other.context
    );
    const [first, last] = [own.at(0), own.at(-1)];
    if (first === undefined || last === undefined || first === last) return undefined;
    return { text: last.context / first.context, time: last.value / first.value };
  };
  const [under, all] = [growth(bounded), growth(full)];
  if (under === undefined || all === undefined) {
    const [some, every] = [bounded, full].map((rows) => rows.find(({ system }) => system === "kvmirror"));
    if (some === undefined || every === undefined) return "What a text takes to read";
    return `${plain(some.context)} tokens take ${some.value.toFixed(1)} s under a bound, ` +
      `${every.value.toFixed(1)} s with all rows`;
  }
  return `${under.text.toFixed(0)}× the text takes ${under.time.toFixed(1)}× as long under a bound, ` +
    `${all.time.toFixed(1)}× with all rows`;
}

/** Operators that have a bar of their own. */
const SHOWN_OPERATORS = 3;

/** Where the milliseconds of a token go at the longest text, beside the floor that nobody gets below. */
export async function profileChart(
  { rows: reported, profiles = [], floor, model, machine }: BenchReport,
): Promise<Chart | undefined> {
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
    subtitle: `${model?.name ?? "a model"}, int8 weights, ${
      labelOf(reported, "kvmirror")
    }; ${machine}; the parts are of a profiled token, ${profile.profiledTokenMs.toFixed(1)} ms`,
    description: `Milliseconds: ${rows.map(({ part, ms }) => `${part} ${ms.toFixed(2)}`).join("; ")}.`,
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
