import { assertEquals, assertThrows } from "@std/assert";
import { deflateRawSync } from "node:zlib";
import { unzipMember } from "../../../lib/engine/sources/unzip_member.ts";

const CONTENT = new TextEncoder().encode("keys and values ".repeat(20));

/** A zip archive of one member, byte by byte. */
function archive(method = 8, packed: Uint8Array = deflateRawSync(CONTENT), size = CONTENT.length): Uint8Array {
  const name = new TextEncoder().encode("a/b.gguf");
  const bytes = new Uint8Array(30 + name.length + packed.length + 46 + name.length + 22);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x04034b50, true);
  view.setUint16(26, name.length, true);
  bytes.set(name, 30);
  bytes.set(packed, 30 + name.length);
  const entry = 30 + name.length + packed.length;
  view.setUint32(entry, 0x02014b50, true);
  view.setUint16(entry + 10, method, true);
  view.setUint32(entry + 20, packed.length, true);
  view.setUint32(entry + 24, size, true);
  view.setUint16(entry + 28, name.length, true);
  bytes.set(name, entry + 46);
  const end = entry + 46 + name.length;
  view.setUint32(end, 0x06054b50, true);
  view.setUint16(end + 10, 1, true);
  view.setUint32(end + 16, entry, true);
  return bytes;
}

Deno.test("a member is unpacked, deflated or stored", () => {
  assertEquals(unzipMember(archive(), "a/b.gguf", 1000), CONTENT);
  assertEquals(unzipMember(archive(0, CONTENT), "a/b.gguf", 1000), CONTENT);
});

Deno.test("a damaged or hostile archive is refused", () => {
  assertThrows(() => unzipMember(archive(), "other", 1000), SyntaxError, "no such member");
  assertThrows(() => unzipMember(archive(), "a/b.gguf", 100), SyntaxError, "has 320 bytes: at most 100");
  assertThrows(() => unzipMember(archive(9), "a/b.gguf", 1000), SyntaxError, "compression 9");
  assertThrows(
    () => unzipMember(archive(8, deflateRawSync(CONTENT), 10), "a/b.gguf", 1000),
    SyntaxError,
    "does not unpack",
  );
  const whole = archive();
  for (let length = 0; length < whole.length; length++) {
    assertThrows(() => unzipMember(whole.slice(0, length), "a/b.gguf", 1000), SyntaxError);
  }
});
