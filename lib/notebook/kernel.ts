import { KernelConnection, type Listener, type RequestChannel } from "./kernel_connection.ts";
import { type KernelProcess, type KernelProcessOptions, startKernelProcess } from "./kernel_process.ts";
import type { Content } from "./message.ts";
import { within } from "./within.ts";

/** The kernel's process has ended, or never answered. */
export class KernelDied extends Error {
  override readonly name = "KernelDied";
}

/** Options of {@linkcode Kernel.start}. */
export interface KernelOptions extends KernelProcessOptions {
  /** How long a kernel may take until it first answers, in ms; default: a minute. */
  readonly startTimeout?: number;
}

/** Free ports are found before the kernel opens them, so another program may take one in between. */
const START_ATTEMPTS = 3;

/** Between two tries to connect, in ms. */
const CONNECT_INTERVAL = 10;

/** How long an interrupt may take to be acknowledged, and a kernel to stop when asked, in ms. */
const PATIENCE = 1500;

/** A Deno kernel of one's own: it lives as long as the object. */
export class Kernel implements AsyncDisposable {
  readonly #process: KernelProcess;
  readonly #connection: KernelConnection;
  readonly #died: Promise<never>;

  private constructor(process: KernelProcess, connection: KernelConnection, died: Promise<never>) {
    this.#process = process;
    this.#connection = connection;
    this.#died = died;
  }

  /** Starts a kernel and waits until it answers. Throws a {@linkcode KernelDied} with the kernel's own last words. */
  static async start(options: KernelOptions): Promise<Kernel> {
    for (let attempt = 1;; attempt++) {
      const process = await startKernelProcess(options);
      try {
        return await Kernel.#connect(process, options.startTimeout ?? 60_000);
      } catch (error) {
        await process[Symbol.asyncDispose]();
        if (attempt === START_ATTEMPTS) throw error;
      }
    }
  }

  static async #connect(process: KernelProcess, startTimeout: number): Promise<Kernel> {
    const died = process.ended.then((how): never => {
      throw new KernelDied(`the kernel died (${how})${lastWords(process.log())}`);
    });
    died.catch(() => {}); // it is raced against below and by every request
    const deadline = performance.now() + startTimeout;
    while (performance.now() < deadline) {
      try {
        const kernel = new Kernel(process, await Promise.race([KernelConnection.open(process.address), died]), died);
        await kernel.#greet(deadline);
        return kernel;
      } catch (error) {
        if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      }
      await within(CONNECT_INTERVAL, died);
    }
    throw new KernelDied(`the kernel did not answer within ${startTimeout} ms${lastWords(process.log())}`);
  }

  /** Asks until something is published for the question: a subscription takes effect some time after it was made. */
  async #greet(deadline: number): Promise<void> {
    let heard = false;
    while (!heard && performance.now() < deadline) {
      const reply = this.request("shell", "kernel_info_request", {}, () => heard = true);
      await within(deadline - performance.now(), reply);
      await within(1, this.#died);
    }
    if (!heard) throw new KernelDied(`the kernel did not answer${lastWords(this.#process.log())}`);
  }

  /** Sends a request; the reply's content. Throws a {@linkcode KernelDied} if the kernel ends first. */
  request(channel: RequestChannel, type: string, content: Content, listener?: Listener): Promise<Content> {
    return Promise.race([this.#connection.request(channel, type, content, listener), this.#died]);
  }

  /** Interrupts the running cell, as Stop in a notebook does: V8 stops in a loop, never while it awaits. */
  async interrupt(): Promise<void> {
    await within(PATIENCE, this.request("control", "interrupt_request", {}));
  }

  /** What the kernel's process wrote past the notebook: native addons and child processes. */
  get log(): string {
    return this.#process.log();
  }

  /** Asks the kernel to stop, and kills it if it does not. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.request("control", "shutdown_request", { restart: false }).catch(() => {});
    await within(PATIENCE, this.#process.ended);
    this.#connection[Symbol.dispose]();
    await this.#process[Symbol.asyncDispose]();
  }

  /** Kills the kernel at once; what runs rejects with a {@linkcode KernelDied}. */
  async kill(): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}

function lastWords(log: string): string {
  const text = log.replaceAll(/^Warning "deno jupyter" is unstable.*$/gm, "").trim();
  return text === "" ? "" : `: ${text.split("\n").slice(-5).join(" | ")}`;
}
