import { type Outcome, OUTCOMES } from "./classify.ts";

/** One input and what it came to. */
export interface Tried {
  readonly reader: string;
  /** The input's number: with reader and seed it makes the input again. */
  readonly input: number;
  readonly outcome: Outcome;
  readonly milliseconds: number;
  /** The error's message, or why a result is wrong; empty where an input was accepted. */
  readonly message: string;
}

/** Inputs that a worker runs. */
export interface Chunk {
  readonly reader: string;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  /** The input that runs, and when it began: ms, the lowest 32 bits. */
  readonly progress: Int32Array<SharedArrayBuffer>;
}

/** What a chunk came to. */
export interface Faults {
  readonly faults: readonly Tried[];
  readonly counts: Readonly<Partial<Record<Outcome, number>>>;
  /** The longest time of an input, in ms. */
  readonly slowest: number;
}

/** What a reader's inputs came to. */
export interface Row extends Faults {
  readonly reader: string;
  readonly inputs: number;
}

/** An input that takes longer is ended; ms. */
const LIMIT_MS = 30_000;
/** How often a worker is looked at; ms. */
const LOOK_MS = 250;

/** Runs readers' inputs in a worker, which is ended and begun anew where an input does not come back. */
export class Fuzzer implements Disposable {
  #worker?: Worker;
  readonly #progress = new Int32Array(new SharedArrayBuffer(8));
  readonly #module: URL;
  readonly #limit: number;

  /**
   * @param module what a worker runs
   * @param limit ms after which an input is ended
   */
  constructor(module: URL = new URL("./fuzz_worker.ts", import.meta.url), limit: number = LIMIT_MS) {
    this.#module = module;
    this.#limit = limit;
  }

  /** Runs the inputs `from … to − 1` of a reader. */
  async run(reader: string, seed: number, from: number, to: number): Promise<Faults> {
    const parts: Faults[] = [];
    for (let next = from; next < to;) {
      const part = await this.#chunk({ reader, seed, from: next, to, progress: this.#progress });
      parts.push(part.result);
      next = part.next;
    }
    return join(parts);
  }

  async #chunk(chunk: Chunk): Promise<{ result: Faults; next: number }> {
    this.#worker ??= await startWorker(this.#module);
    const worker = this.#worker;
    const { promise, resolve, reject } = Promise.withResolvers<Faults | undefined>();
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`The worker ended at input ${this.#progress[0]} of ${chunk.reader}: ${event.message}`));
    };
    Atomics.store(this.#progress, 0, -1);
    worker.postMessage(chunk);
    const timer = setInterval(() => {
      const since = ((Date.now() | 0) - Atomics.load(this.#progress, 1)) | 0;
      if (Atomics.load(this.#progress, 0) >= 0 && since > this.#limit) resolve(undefined);
    }, LOOK_MS);
    const result = await promise.finally(() => clearInterval(timer));
    if (result !== undefined) return { result, next: chunk.to };
    worker.terminate();
    this.#worker = undefined;
    const input = this.#progress[0];
    // What came before it is run again: all but this one are known to end.
    const before = input > chunk.from ? [await this.run(chunk.reader, chunk.seed, chunk.from, input)] : [];
    const message = `it does not end within ${this.#limit / 1000} s`;
    const slow: Tried = { reader: chunk.reader, input, outcome: "slow", milliseconds: this.#limit, message };
    return {
      result: join([...before, { faults: [slow], counts: { slow: 1 }, slowest: this.#limit }]),
      next: input + 1,
    };
  }

  /** Ends the worker. */
  [Symbol.dispose](): void {
    this.#worker?.terminate();
  }
}

/** A worker that is ready: what is sent while its module waits would be lost. */
async function startWorker(module: URL): Promise<Worker> {
  const worker = new Worker(module, { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  worker.onmessage = () => resolve();
  worker.onerror = ({ message }) => reject(new Error(`The worker does not begin: ${message}`));
  await promise;
  return worker;
}

/** The sums of parts. */
export function join(parts: readonly Faults[]): Faults {
  const counts: Partial<Record<Outcome, number>> = {};
  for (const outcome of OUTCOMES) {
    const count = parts.reduce((sum, part) => sum + (part.counts[outcome] ?? 0), 0);
    if (count > 0) counts[outcome] = count;
  }
  return {
    faults: parts.flatMap(({ faults }) => faults),
    counts,
    slowest: Math.max(0, ...parts.map(({ slowest }) => slowest)),
  };
}

/** The rows as a table of text. */
export function table(rows: readonly Row[]): string {
  const all: Row = { reader: "all", inputs: rows.reduce((sum, { inputs }) => sum + inputs, 0), ...join(rows) };
  const cells = [...rows, all].map(({ reader, inputs, counts, slowest }) => [
    reader,
    `${inputs}`,
    ...OUTCOMES.map((outcome) => `${counts[outcome] ?? 0}`),
    `${slowest.toFixed(0)}`,
  ]);
  const lines = [["reader", "inputs", ...OUTCOMES, "slowest, ms"], ...cells];
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines.map((line) =>
    line.map((cell, column) => column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])).join("  ")
  ).join("\n");
}
