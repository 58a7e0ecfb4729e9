/** The other end of ZMTP, byte by byte: what a kernel sends in the way of connections. */
export interface FakePeer extends AsyncDisposable {
  readonly port: number;
  /** What the client sent after the handshake, until now. */
  readonly received: () => number[];
}

const text = (value: string) => [...new TextEncoder().encode(value)];

/** `ff 00×8 7f`, version 3.0, the mechanism NULL, as a server: 64 bytes. */
export const GREETING = [0xff, ...Array(8).fill(0), 0x7f, 3, 0, ...text("NULL"), ...Array(48).fill(0)];

/** The command READY of a socket of type ROUTER. */
export const READY = [4, 28, 5, ...text("READY"), 11, ...text("Socket-Type"), 0, 0, 0, 6, ...text("ROUTER")];

/** Accepts one connection, reads the client's greeting (64 bytes), and sends `pieces` one after another. */
export function fakePeer(...pieces: readonly (readonly number[])[]): FakePeer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const received: number[] = [];
  const serving = (async () => {
    using connection = await listener.accept();
    const buffer = new Uint8Array(1 << 16);
    let greeted = 0;
    while (greeted < 64) greeted += await connection.read(buffer) ?? 64;
    for (const piece of pieces) {
      for (let sent = 0; sent < piece.length;) sent += await connection.write(new Uint8Array(piece.slice(sent)));
      await new Promise((done) => setTimeout(done, 1));
    }
    for (let count; (count = await connection.read(buffer)) !== null;) received.push(...buffer.subarray(0, count));
  })().catch(() => {}); // the client went away first
  return {
    port: (listener.addr as Deno.NetAddr).port,
    received: () => received,
    [Symbol.asyncDispose]: async () => {
      await serving;
      listener.close();
    },
  };
}
