import { type CellFailure, findLoadError, locateError } from "./cell_failure.ts";
import { type Kernel, KernelDied } from "./kernel.ts";
import type { Content } from "./message.ts";
import type { OutputCollector } from "./output_collector.ts";
import { within } from "./within.ts";

/** Options of {@linkcode executeCell}. */
export interface ExecuteOptions {
  /** The notebook's folder. */
  readonly folder: string;
  /** How long the cell may run, in ms. */
  readonly timeout: number;
  /** The Deno that the kernel runs on; default: this one. */
  readonly executable?: string;
}

/** What became of a cell, apart from its outputs. */
export interface CellRun {
  readonly executionCount: number | null;
  readonly failure?: CellFailure;
}

/** A message of our own that the kernel sends back. */
const BARRIER = "kvmirror_barrier";

/** How long a cell may take to stop once interrupted, in ms. */
const INTERRUPT_PATIENCE = 2000;

/**
 * Runs one cell; its outputs, all of them, are in `collector` when this returns.
 *
 * Since Deno 2.8.2 a kernel says that a cell is done before it has sent all the cell's outputs: they wait in a queue.
 * So a message of our own is sent through the same queue afterwards, and awaited.
 */
export async function executeCell(
  kernel: Kernel,
  source: string,
  collector: OutputCollector,
  options: ExecuteOptions,
): Promise<CellRun> {
  const running = run(kernel, source, collector);
  running.catch(() => {}); // after a timeout nobody waits for it
  try {
    const reply = await within(options.timeout, running);
    if (reply === undefined) return await stop(kernel, running, collector, options.timeout);
    const executionCount = typeof reply.execution_count === "number" ? reply.execution_count : null;
    if (reply.status === "ok") return { executionCount, failure: shownError(collector) };
    return { executionCount, failure: await explain(reply, source, collector, options) };
  } catch (error) {
    if (!(error instanceof KernelDied)) throw error;
    return { executionCount: null, failure: { kind: "died", name: error.name, message: error.message } };
  }
}

async function run(kernel: Kernel, source: string, collector: OutputCollector): Promise<Content> {
  const reply = await kernel.request(
    "shell",
    "execute_request",
    { code: source, silent: false, store_history: true, user_expressions: {}, allow_stdin: false, stop_on_error: true },
    (type, content) => collector.add(type, content),
  );
  await drainOutputs(kernel, collector);
  return reply;
}

async function drainOutputs(kernel: Kernel, collector: OutputCollector): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const code = `await Deno.jupyter.broadcast("${BARRIER}", {});`;
  const asked = kernel.request(
    "shell",
    "execute_request",
    { code, silent: true, store_history: false, user_expressions: {}, allow_stdin: false },
    (type, content) => type === BARRIER ? resolve() : collector.add(type, content),
  );
  await Promise.all([promise, asked]);
}

/** An error beside the cell's own course, as in a display or a timer, comes under a reply that says `ok`. */
export function shownError(collector: OutputCollector): CellFailure | undefined {
  const error = collector.outputs.find((output) => output.type === "error");
  return error && { kind: "error", name: error.name, message: error.message };
}

async function explain(
  reply: Content,
  source: string,
  collector: OutputCollector,
  { folder, executable }: ExecuteOptions,
): Promise<CellFailure> {
  const traceback = (reply.traceback as string[] | undefined) ?? [];
  let failure: CellFailure = { kind: "error", name: String(reply.ename), message: String(reply.evalue) };
  if (reply.evalue === "Execution failed" && traceback.length === 0) {
    const error = await findLoadError(source, { folder, executable });
    if (error !== undefined) failure = { kind: "error", name: "SyntaxError", ...error };
  } else if (traceback.join("") === "") failure = { ...failure, name: "Thrown", message: thrownValue(failure.message) };
  else failure = { ...failure, place: await locateError(source, traceback, executable) };
  if (shownError(collector) === undefined) {
    collector.add("error", { ename: failure.name, evalue: failure.message, traceback });
  }
  return failure;
}

/** What the cell threw that is no error: the kernel names it as text, and gives neither class nor place. */
function thrownValue(text: string): string {
  return `${text === "null" ? "undefined or null" : text} was thrown, which is no Error: throw new Error(…) says where`;
}

/** Interrupts a cell that ran too long. */
async function stop(
  kernel: Kernel,
  running: Promise<unknown>,
  collector: OutputCollector,
  timeout: number,
): Promise<CellRun> {
  await kernel.interrupt();
  await within(INTERRUPT_PATIENCE, running);
  const failure: CellFailure = { kind: "timeout", name: "Timeout", message: `the cell ran past ${timeout / 1000} s` };
  collector.add("error", { ename: failure.name, evalue: failure.message, traceback: [] });
  return { executionCount: null, failure };
}
