import { bytes, type Cell, fixed, percent, plain, type Row, table } from "kvmirror/report";
import { floorMs } from "../metrics/floor.ts";
import type { TokenProfile } from "../metrics/profile.ts";
import { isStudy, policiesOf } from "../metrics/study.ts";
import { divergenceOf, findRow, isMeasured, isSpeed, type ReportRow } from "../plan/bench_result.ts";
import type { BenchReport } from "./bench_report.ts";
import { reachedTargets } from "./targets.ts";

/** Operators that a table shows; the rest are added up. */
const SHOWN_OPERATORS = 10;

/** Targets and what was reached. */
export function targetsTable({ rows, floor }: BenchReport): string | undefined {
  const targets = reachedTargets(rows, floor);
  if (targets.length === 0) return undefined;
  const lines = targets.map(({ own, other, ...target }): Row => {
    const speed = isSpeed(target.metric.split(",")[0]);
    const kl = (system: string | undefined) => speed && system !== undefined ? klOf(rows, system) : null;
    return { ...target, kl: kl(own), kl_of_the_other: kl(other) };
  });
  return table(lines, { formats: { reached: (value) => `${fixed(2)(value)}×` } }).markdown;
}

/** Nats that a system's answers lose, as a table writes them; why not, where they were not measured. */
function klOf(rows: readonly ReportRow[], system: string): string {
  const lost = divergenceOf(rows, system);
  return "kl" in lost ? fixed(4)(lost.kl) : lost.reason;
}

/** What stands beside a system's speeds: the nats that its answers lose, and how often its likeliest token is right. */
function lostColumns(rows: readonly ReportRow[], system: string): Record<"kl_nats" | "same_top_1", string | null> {
  const lost = divergenceOf(rows, system);
  return { kl_nats: klOf(rows, system), same_top_1: "kl" in lost ? percent(1)(lost.top1) : null };
}

/** Systems down, contexts across: medians, and the lowest and highest round; beside a speed, what the answers lose. */
export function metricTable(rows: readonly ReportRow[], metric: string, format = fixed(1)): string | undefined {
  const of = rows.filter((row) => row.metric === metric);
  if (of.length === 0) return undefined;
  const contexts = [...new Set(of.map(({ context }) => context))].sort((one, other) => one - other);
  const systems = [...new Set(of.map(({ system }) => system))];
  return table(systems.map((system) => ({
    system,
    ...isSpeed(metric) ? lostColumns(rows, system) : {},
    ...Object.fromEntries(contexts.map((context) => [
      context === 0 ? of[0].unit : `${plain(context)} tokens`,
      spreadOf(findRow(of, system, metric, context), format),
    ])),
  }))).markdown;
}

/** Seconds a sample: systems down, numbers of policies across. */
export function studyTable(rows: readonly ReportRow[]): string | undefined {
  const studies = rows.filter(({ metric }) => isStudy(metric));
  if (studies.length === 0) return undefined;
  const counts = [...new Set(studies.map(({ metric }) => policiesOf(metric)))].sort((one, other) => one - other);
  return table([...new Set(studies.map(({ system }) => system))].map((system) => ({
    system,
    ...lostColumns(rows, system),
    ...Object.fromEntries(counts.map((count) => [
      count === 1 ? "1 policy" : `${count} policies`,
      spreadOf(studies.find((row) => row.system === system && policiesOf(row.metric) === count), fixed(2)),
    ])),
  }))).markdown;
}

/** Milliseconds a token of an answer: systems down, questions across, with drafts looked up in the text and without. */
export function lookupTable(rows: readonly ReportRow[]): string | undefined {
  const found = rows.filter(({ metric }) => metric.startsWith("lookup_"));
  if (found.length === 0) return undefined;
  const columns = [
    ["lookup_quote_off", "quotes, no draft"],
    ["lookup_quote", "quotes, looked up"],
    ["lookup_free_off", "own words, no draft"],
    ["lookup_free", "own words, looked up"],
  ];
  return table([...new Set(found.map(({ system }) => system))].map((system) => ({
    system,
    ...lostColumns(rows, system),
    ...Object.fromEntries(columns.map(([name, title]) => [
      title,
      spreadOf(found.find((row) => row.system === system && row.metric === name), fixed(1)),
    ])),
  }))).markdown;
}

function spreadOf(row: ReportRow | undefined, format: ReturnType<typeof fixed>): string | null {
  if (row === undefined) return null;
  if (!isMeasured(row)) return `none: ${row.reason}`;
  const spread = row.low === row.high ? "" : ` (${format(row.low)} to ${format(row.high)})`;
  return `${format(row.value)}${spread}`;
}

/** Where a token's time goes, operator by operator. */
export function profileTable({ operators }: TokenProfile): string {
  const rest = operators.slice(SHOWN_OPERATORS);
  const sum = (of: (operator: TokenProfile["operators"][number]) => number) =>
    rest.reduce((total, each) => total + of(each), 0);
  const rows = [
    ...operators.slice(0, SHOWN_OPERATORS),
    ...rest.length === 0 ? [] : [{
      operator: `${rest.length} others`,
      count: sum(({ count }) => count),
      microseconds: sum(({ microseconds }) => microseconds),
      share: sum(({ share }) => share),
    }],
  ];
  return table(rows, { formats: { count: fixed(0), microseconds: fixed(0), share: percent(1) } }).markdown;
}

/** The profiled token in parts, beside the token that was not profiled. */
export function profilePartsTable(profiles: readonly TokenProfile[]): string {
  const share = (part: number, profile: TokenProfile) => part / profile.profiledTokenMs;
  return table(
    profiles.map((profile) => ({
      rows: profile.context,
      nodes: profile.operators.reduce((sum, { count }) => sum + count, 0),
      ms_unprofiled: profile.tokenMs,
      ms_profiled: profile.profiledTokenMs,
      in_operators: share(profile.operatorsMs, profile),
      between_operators: share(profile.betweenMs, profile),
      outside_the_runtime: share(profile.outsideMs, profile),
    })),
    {
      formats: {
        ...{ nodes: fixed(0), ms_unprofiled: fixed(2), ms_profiled: fixed(2) },
        ...{ in_operators: percent(0), between_operators: percent(0), outside_the_runtime: percent(0) },
      },
    },
  ).markdown;
}

/** The least a token can take against what it took. */
export function floorTable({ rows, floor }: BenchReport): string | undefined {
  const decode = rows.filter(isMeasured)
    .filter(({ system, metric }) => system === "kvmirror" && metric === "decode");
  if (floor === undefined || decode.length === 0) return undefined;
  const times = (value: Cell) => `${fixed(2)(value)}×`;
  return table(
    decode.map(({ context, value }) => ({
      rows: context,
      weights: floor.weightBytes,
      cache: context * floor.tokenBytes,
      floor_ms: floorMs(floor, context),
      decode_ms: value,
      kl_nats: klOf(rows, "kvmirror"),
      times_the_floor: value / floorMs(floor, context),
    })),
    { formats: { weights: bytes, cache: bytes, floor_ms: fixed(2), decode_ms: fixed(2), times_the_floor: times } },
  ).markdown;
}

/** What each system's answers lose, beside how fast they come. */
export function divergenceTable({ rows }: BenchReport): string | undefined {
  const judged = rows.filter(({ metric }) => metric === "kl").map(({ system }) => system);
  if (judged.length === 0) return undefined;
  const contexts = (metric: string) =>
    [...new Set(rows.filter((row) => row.metric === metric).map(({ context }) => context))]
      .sort((one, other) => one - other);
  const longest = contexts("prefill").at(-1);
  const value = (system: string, metric: string, context: number) =>
    findRow(rows, system, metric, context)?.value ?? null;
  const formats: Record<string, ReturnType<typeof fixed>> = {};
  const lines = judged.map((system): Row => {
    const line: Record<string, string | number | null> = { system, ...lostColumns(rows, system) };
    for (const context of contexts("decode")) {
      line[`ms at ${plain(context)}`] = value(system, "decode", context);
      formats[`ms at ${plain(context)}`] = fixed(1);
    }
    if (longest !== undefined) {
      line[`tokens read a second, ${plain(longest)}`] = value(system, "prefill", longest);
      formats[`tokens read a second, ${plain(longest)}`] = fixed(0);
    }
    return line;
  });
  return table(lines, { formats }).markdown;
}
