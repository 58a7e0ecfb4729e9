import type { CellFailure } from "./cell_failure.ts";
import { type CellRun, executeCell, shownError } from "./execute_cell.ts";
import { Kernel } from "./kernel.ts";
import { type Cell, type CodeCell, hasTag, type Notebook } from "./notebook.ts";
import { OutputCollector } from "./output_collector.ts";
import { within } from "./within.ts";

/** Options of {@linkcode runNotebook}. */
export interface RunOptions {
  /** The notebook's folder: where the kernel runs, as under Jupyter. */
  readonly folder: string;
  /** How long one cell may run, in ms; default: an hour. */
  readonly timeout?: number;
  /** The Deno to run on; default: this one. */
  readonly executable?: string;
  /** Variables of the kernel, beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Kills the kernel and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called before each cell that is run. */
  readonly onCell?: (cell: CodeCell, place: CellPlace) => void;
}

/** Where a cell stands. */
export interface CellPlace {
  /** Among all cells, from 1. */
  readonly number: number;
  /** Among those that are run, from 1. */
  readonly step: number;
  /** How many are run. */
  readonly steps: number;
}

/** A notebook that was run. */
export interface NotebookRun {
  /** With outputs and execution counts; after a failure, those up to it. */
  readonly notebook: Notebook;
  /** How long each cell that was run took, in ms, by its id. */
  readonly times: Readonly<Record<string, number>>;
  /** The first cell that failed; the ones after it were not run, unless it was a stray error that came late. */
  readonly failed?: { readonly cell: CodeCell; readonly number: number; readonly failure: CellFailure };
  /** What native addons and child processes printed past the notebook. */
  readonly log: string;
}

const HOUR = 3_600_000;

/** A Ctrl-C reaches the kernel and this process, in either order: how long to wait for the other, in ms. */
const INTERRUPT_PATIENCE = 100;

/**
 * What the kernel runs first. Errors in a timer or an unhandled promise, on which it hangs or which it hides, are shown
 * as an output instead, and so fail the cell. And a kernel whose runner was killed ends too.
 */
const PRELUDE = `
for (const kind of ["error", "unhandledrejection"]) {
  addEventListener(kind, (event) => {
    event.preventDefault();
    const error = kind === "error" ? event.error : event.reason;
    const [ename, evalue] = error instanceof Error ? [error.name, error.message] : ["Error", String(error)];
    Deno.jupyter.broadcast("error", { ename, evalue, traceback: String(error?.stack ?? error).split("\\n") });
  });
}
{
  const runner = Deno.ppid;
  Deno.unrefTimer(setInterval(() => Deno.ppid === runner || Deno.exit(), 1000));
}`;

/**
 * Runs a notebook's code cells in order, in a kernel of their own, until one fails. By its tags, as nbclient has them, a
 * cell may be left out (`skip-execution`) or may throw (`raises-exception`): then its error is its output, and the next
 * one runs.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseNotebook } from "./parse_notebook.ts";
 * import { runNotebook } from "./run_notebook.ts";
 *
 * const cell = { cell_type: "code", id: "sum", source: "1 + 1", metadata: {}, execution_count: null, outputs: [] };
 * const text = JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells: [cell] });
 * const { notebook, failed } = await runNotebook(parseNotebook(text), { folder: "." });
 * assertEquals(failed, undefined);
 * assertEquals(notebook.cells[0].type === "code" && notebook.cells[0].executionCount, 1);
 * ```
 */
export async function runNotebook(notebook: Notebook, options: RunOptions): Promise<NotebookRun> {
  const { folder, executable, env, signal, timeout = HOUR } = options;
  signal?.throwIfAborted();
  await using kernel = await Kernel.start({ cwd: folder, executable, env });
  const kill = () => void kernel.kill();
  signal?.addEventListener("abort", kill);
  try {
    const steps = notebook.cells.filter(isRun).length;
    const times = new Map<string, number>();
    const collectors = new Map<Cell, OutputCollector>();
    const runs = new Map<Cell, CellRun>();
    await kernel.request("shell", "execute_request", { code: PRELUDE, silent: true, store_history: false });
    for (const [index, cell] of notebook.cells.entries()) {
      if (!isRun(cell)) continue;
      signal?.throwIfAborted();
      options.onCell?.(cell, { number: index + 1, step: runs.size + 1, steps });
      const collector = new OutputCollector();
      collectors.set(cell, collector);
      const start = performance.now();
      const run = await executeCell(kernel, cell.source, collector, { folder, timeout, executable });
      if (run.failure?.kind === "died") await within(INTERRUPT_PATIENCE, new Promise(() => {}));
      signal?.throwIfAborted();
      times.set(cell.id, performance.now() - start);
      runs.set(cell, run);
      if (run.failure !== undefined && !mayFail(cell, run.failure)) break;
    }
    await kernel[Symbol.asyncDispose](); // what still comes up to its end, in the log or as a stray error, counts
    const cells = notebook.cells.map((cell) => withRun(cell, runs.get(cell), collectors.get(cell)));
    return {
      notebook: { ...notebook, cells },
      times: Object.fromEntries(times),
      failed: firstFailure(notebook, cells, runs, collectors),
      log: kernel.log,
    };
  } finally {
    signal?.removeEventListener("abort", kill);
  }
}

function firstFailure(
  notebook: Notebook,
  executed: readonly Cell[],
  runs: ReadonlyMap<Cell, CellRun>,
  collectors: ReadonlyMap<Cell, OutputCollector>,
): NotebookRun["failed"] {
  for (const [index, cell] of notebook.cells.entries()) {
    const collector = collectors.get(cell);
    const failure = runs.get(cell)?.failure ?? (collector && shownError(collector));
    if (failure !== undefined && !mayFail(cell, failure)) {
      return { cell: executed[index] as CodeCell, number: index + 1, failure };
    }
  }
}

function isRun(cell: Cell): cell is CodeCell {
  return cell.type === "code" && cell.source.trim() !== "" && !hasTag(cell, "skip-execution");
}

/** Whether a cell says that it throws. One that ran too long or took the kernel with it has failed all the same. */
function mayFail(cell: Cell, { kind }: CellFailure): boolean {
  return kind === "error" && hasTag(cell, "raises-exception");
}

function withRun(cell: Cell, run: CellRun | undefined, collector: OutputCollector | undefined): Cell {
  if (cell.type !== "code" || hasTag(cell, "skip-execution")) return cell;
  return { ...cell, executionCount: run?.executionCount ?? null, outputs: collector?.outputs ?? [] };
}
