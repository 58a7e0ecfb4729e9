import { Buffer } from "node:buffer";

/** The two kinds of socket a Jupyter client opens: requests and replies, or a subscription to everything. */
export type SocketKind = "DEALER" | "SUB";

/** Frame flags of ZMTP 3.0. */
const MORE = 1;
const LONG = 2;
const COMMAND = 4;

const GREETING_BYTES = 64;

/** A frame past this is no output of a cell but a broken stream: reading on would only use up memory. */
const MAX_FRAME_BYTES = 2 ** 30;

/**
 * A client's end of one ZeroMQ connection on this machine: ZMTP 3.0 with the NULL mechanism
 * (https://rfc.zeromq.org/spec/23/). Native ZeroMQ bindings crash under Deno's Node-API, so this speaks the protocol.
 */
export class ZmtpSocket implements Disposable {
  readonly #connection: Deno.TcpConn;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #buffer = new Uint8Array(1 << 16);
  #start = 0;
  #end = 0;
  #sent: Promise<void> = Promise.resolve();

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    this.#writer = connection.writable.getWriter();
  }

  /** Connects to a port of 127.0.0.1 and shakes hands; a `SUB` socket subscribes to every message. */
  static async connect(port: number, kind: SocketKind): Promise<ZmtpSocket> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connection.setNoDelay(true);
    const socket = new ZmtpSocket(connection);
    try {
      await socket.#writer.write(greeting());
      checkGreeting(await socket.#read(GREETING_BYTES));
      await socket.#writer.write(frame(readyCommand(kind), COMMAND));
      await socket.#readFrame();
      if (kind === "SUB") await socket.send([new Uint8Array([1])]);
      return socket;
    } catch (error) {
      socket[Symbol.dispose]();
      throw error;
    }
  }

  /** Sends one message; two messages sent at once do not interleave. */
  send(parts: readonly Uint8Array[]): Promise<void> {
    const bytes = Buffer.concat(parts.map((part, index) => frame(part, index < parts.length - 1 ? MORE : 0)));
    return this.#sent = this.#sent.then(() => this.#writer.write(bytes));
  }

  /** Receives one message, the frames of it. Throws an Error once the other end has closed. */
  async receive(): Promise<Uint8Array[]> {
    const parts: Uint8Array[] = [];
    while (true) {
      const { flags, body } = await this.#readFrame();
      if (flags & COMMAND) continue;
      parts.push(body);
      if (!(flags & MORE)) return parts;
    }
  }

  /** Closes the connection; a `receive` under way throws. */
  [Symbol.dispose](): void {
    try {
      this.#connection.close();
    } catch {
      // The other end was faster.
    }
  }

  async #readFrame(): Promise<{ flags: number; body: Uint8Array }> {
    const flags = (await this.#read(1))[0];
    const length = flags & LONG ? Number(readUint64(await this.#read(8))) : (await this.#read(1))[0];
    if (length > MAX_FRAME_BYTES) {
      throw new RangeError(`Cannot receive a frame of ${length} bytes as the limit is ${MAX_FRAME_BYTES}`);
    }
    return { flags, body: await this.#read(length) };
  }

  async #read(length: number): Promise<Uint8Array> {
    if (this.#start + length > this.#buffer.length) this.#makeRoom(length);
    while (this.#end - this.#start < length) {
      const count = await this.#connection.read(this.#buffer.subarray(this.#end));
      if (count === null) throw new Error("Cannot receive as the other end has closed the connection");
      this.#end += count;
    }
    return this.#buffer.slice(this.#start, this.#start += length);
  }

  #makeRoom(length: number): void {
    const waiting = this.#buffer.subarray(this.#start, this.#end);
    const buffer = new Uint8Array(Math.max(1 << 16, 2 * length));
    buffer.set(waiting);
    this.#buffer = buffer;
    this.#start = 0;
    this.#end = waiting.length;
  }
}

function greeting(): Uint8Array {
  const bytes = new Uint8Array(GREETING_BYTES);
  bytes.set([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0]);
  bytes.set(new TextEncoder().encode("NULL"), 12);
  return bytes;
}

function checkGreeting(bytes: Uint8Array): void {
  if (bytes[0] !== 0xff || bytes[9] !== 0x7f || bytes[10] < 3) {
    throw new SyntaxError("Cannot connect as the other end does not speak ZMTP 3: something else has this port");
  }
}

function readyCommand(kind: SocketKind): Uint8Array {
  const text = (value: string) => [value.length, ...new TextEncoder().encode(value)];
  return new Uint8Array([...text("READY"), ...text("Socket-Type"), 0, 0, 0, ...text(kind)]);
}

function frame(body: Uint8Array, flags: number): Uint8Array {
  const header = body.length > 255 ? new Uint8Array(9) : new Uint8Array(2);
  header[0] = flags | (body.length > 255 ? LONG : 0);
  if (body.length > 255) new DataView(header.buffer).setBigUint64(1, BigInt(body.length));
  else header[1] = body.length;
  return Buffer.concat([header, body]);
}

function readUint64(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
}
