import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { ZmtpSocket } from "../../lib/notebook/zmtp.ts";
import { fakePeer, GREETING, READY } from "./fake_kernel.ts";

const text = (value: string) => [...new TextEncoder().encode(value)];

Deno.test("frames come whole, whatever the pieces they were sent in", async () => {
  const long = Array.from({ length: 300 }, (_, index) => index & 255);
  const bytes = [...GREETING, ...READY, 1, 2, ...text("ab"), 2, 0, 0, 0, 0, 0, 0, 1, 44, ...long, 0, 0];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: bytes.length - 1 }), { maxLength: 6 }), async (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      await using peer = fakePeer(...at.slice(1).map((end, index) => bytes.slice(at[index], end)));
      using socket = await ZmtpSocket.connect(peer.port, "DEALER");
      assertEquals((await socket.receive()).map((frame) => [...frame]), [text("ab"), long]);
      assertEquals((await socket.receive()).map((frame) => [...frame]), [[]]);
    }),
    { numRuns: 20 },
  );
});

Deno.test("commands between messages are passed over", async () => {
  await using peer = fakePeer(GREETING, READY, [4, 5, 4, ...text("PING")], [0, 1, 9]);
  using socket = await ZmtpSocket.connect(peer.port, "DEALER");
  assertEquals(await socket.receive(), [new Uint8Array([9])]);
});

Deno.test("something else on the port, a closed connection and an impossible length are errors", async () => {
  {
    await using peer = fakePeer(text("HTTP/1.1 400 Bad Request\r\n\r\n".padEnd(64)));
    await assertRejects(() => ZmtpSocket.connect(peer.port, "DEALER"), SyntaxError, "does not speak ZMTP 3");
  }
  {
    await using peer = fakePeer(GREETING, READY, [2, 0x7f, 255, 255, 255, 255, 255, 255, 255]);
    using socket = await ZmtpSocket.connect(peer.port, "DEALER");
    await assertRejects(() => socket.receive(), RangeError, "the limit is 1073741824");
  }
});
