import { type BenchRow, rowOf } from "../plan/bench_result.ts";

/** What the stages of a run share. */
export interface RunContext {
  /** Where values go. */
  readonly rows: RunRows;
  /** Ctrl-C: processes end, and what was finished stays. */
  readonly signal: AbortSignal;
}

/** Where a value belongs. */
export type Series = Pick<BenchRow, "system" | "metric" | "context" | "unit">;

/** The rows of a run as its values come, so that a run that ends early has those that were finished. */
export class RunRows {
  readonly #groups = new Map<string, { readonly series: Series; readonly values: number[] }>();
  readonly #systems: readonly string[];
  readonly #keep: (rows: readonly BenchRow[]) => Promise<void>;

  /**
   * @param systems their order in the result; others come after them
   * @param keep called with all rows after every step
   */
  constructor(
    systems: readonly string[],
    keep: (rows: readonly BenchRow[]) => Promise<void> = () => Promise.resolve(),
  ) {
    this.#systems = systems;
    this.#keep = keep;
  }

  /** Adds the value of one round, or the only one. */
  add(series: Series, value: number): void {
    const key = JSON.stringify([series.system, series.metric, series.context]);
    const group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, { series, values: [value] });
    else group.values.push(value);
  }

  /** Ends a step: what was added is kept from here on. */
  async step(): Promise<void> {
    await this.#keep(this.rows());
  }

  /** System by system; of one system, in the order in which they were first measured. */
  rows(): BenchRow[] {
    const rank = ({ system }: BenchRow) => {
      const index = this.#systems.indexOf(system);
      return index < 0 ? this.#systems.length : index;
    };
    return [...this.#groups.values()].map(({ series, values }) => rowOf(series, values))
      .sort((one, other) => rank(one) - rank(other));
  }
}
