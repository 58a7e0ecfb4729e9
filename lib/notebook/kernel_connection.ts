import type { KernelAddress } from "./kernel_process.ts";
import { type Content, decodeMessage, encodeMessage } from "./message.ts";
import { ZmtpSocket } from "./zmtp.ts";

/** Receives what a kernel publishes on behalf of one request. */
export type Listener = (type: string, content: Content) => void;

/** The channels of a kernel that take requests; `control` is read even while a cell runs. */
export type RequestChannel = "shell" | "control";

/** The client's end of a kernel's channels. */
export class KernelConnection implements Disposable {
  readonly #key: string;
  readonly #sockets: Record<RequestChannel | "iopub", ZmtpSocket>;
  readonly #session = crypto.randomUUID();
  readonly #replies = new Map<string, (content: Content) => void>();
  readonly #listeners = new Map<string, Listener>();

  private constructor(key: string, sockets: Record<RequestChannel | "iopub", ZmtpSocket>) {
    this.#key = key;
    this.#sockets = sockets;
    for (const channel of ["shell", "control", "iopub"] as const) this.#receive(channel).catch(() => {});
  }

  /** Connects to a kernel. Throws a `Deno.errors.ConnectionRefused` where it does not listen yet. */
  static async open({ key, ports }: KernelAddress): Promise<KernelConnection> {
    using opened = new DisposableStack();
    const shell = opened.use(await ZmtpSocket.connect(ports.shell, "DEALER"));
    const control = opened.use(await ZmtpSocket.connect(ports.control, "DEALER"));
    const iopub = opened.use(await ZmtpSocket.connect(ports.iopub, "SUB"));
    opened.move();
    return new KernelConnection(key, { shell, control, iopub });
  }

  /**
   * Sends a request; the reply's content. `listener` hears what is published for it, until the connection closes: a
   * kernel may publish after its reply. Never settles if no reply comes.
   */
  request(channel: RequestChannel, type: string, content: Content, listener?: Listener): Promise<Content> {
    const id = crypto.randomUUID();
    const { promise, resolve, reject } = Promise.withResolvers<Content>();
    this.#replies.set(id, resolve);
    if (listener !== undefined) this.#listeners.set(id, listener);
    this.#sockets[channel].send(encodeMessage({ id, type, session: this.#session, content }, this.#key)).catch(reject);
    return promise;
  }

  /** Closes the channels. */
  [Symbol.dispose](): void {
    for (const socket of Object.values(this.#sockets)) socket[Symbol.dispose]();
  }

  async #receive(channel: RequestChannel | "iopub"): Promise<void> {
    while (true) {
      const message = decodeMessage(await this.#sockets[channel].receive(), this.#key);
      if (message?.parent === undefined) continue; // unsigned or forged, or nobody asked
      if (channel === "iopub") this.#listeners.get(message.parent)?.(message.type, message.content);
      else {
        this.#replies.get(message.parent)?.(message.content);
        this.#replies.delete(message.parent);
      }
    }
  }
}
