import { printNotice } from "../../cli/print.ts";
import { type BenchRow, type ReportRow, rowOf, withDivergences } from "../plan/bench_result.ts";

/** What the stages of a run share. */
export interface RunContext {
  /** Where values go. */
  readonly rows: RunRows;
  /** What each system runs, by its name: filled as systems start. */
  readonly versions: Record<string, string>;
  /** Ctrl-C: processes end, and what was finished stays. */
  readonly signal: AbortSignal;
}

/** Notes what a system runs, and says so the first time. */
export function noteVersion({ versions }: RunContext, system: string, version: string): void {
  if (versions[system] === undefined) printNotice(`${system} ${version}`);
  versions[system] = version;
}

/** Where a value belongs. */
export type Series = Pick<BenchRow, "system" | "metric" | "context" | "unit" | "against">;

/** The rows of a run as its values come, so that a run that ends early has those that were finished. */
export class RunRows {
  readonly #groups = new Map<
    string,
    { readonly series: Series; readonly values: number[]; readonly reason?: string }
  >();
  readonly #systems: readonly string[];
  readonly #keep: (rows: readonly ReportRow[]) => Promise<void>;

  /**
   * @param systems their order in the result; others come after them
   * @param keep called with all rows after every step
   */
  constructor(
    systems: readonly string[],
    keep: (rows: readonly ReportRow[]) => Promise<void> = () => Promise.resolve(),
  ) {
    this.#systems = systems;
    this.#keep = keep;
  }

  /** Adds the value of one round, or the only one. */
  add(series: Series, value: number): void {
    const group = this.#groups.get(keyOf(series));
    if (group === undefined) this.#groups.set(keyOf(series), { series, values: [value] });
    else group.values.push(value);
  }

  /** Says why a value cannot be had; where one comes all the same, it counts. */
  miss(series: Series, reason: string): void {
    if (!this.#groups.has(keyOf(series))) this.#groups.set(keyOf(series), { series, values: [], reason });
  }

  /** Ends a step: what was added is kept from here on. */
  async step(): Promise<void> {
    await this.#keep(this.rows());
  }

  /** System by system; of one system, in the order in which they were first measured. Speeds say what answers lose. */
  rows(): ReportRow[] {
    const rank = ({ system }: ReportRow) => {
      const index = this.#systems.indexOf(system);
      return index < 0 ? this.#systems.length : index;
    };
    const rows = [...this.#groups.values()].map(({ series, values, reason }): ReportRow => {
      const { system, metric, context, unit } = series;
      if (values.length > 0 || reason === undefined) return rowOf(series, values);
      return { system, metric, context, value: null, unit, reason };
    });
    return withDivergences(rows).sort((one, other) => rank(one) - rank(other));
  }
}

function keyOf({ system, metric, context }: Series): string {
  return JSON.stringify([system, metric, context]);
}
