import { assertEquals, assertThrows } from "@std/assert";
import { readLines } from "../../lib/files/lines.ts";
import { decodeText, readText } from "../../lib/files/text_file.ts";
import { withFiles } from "../fixtures/with_folder.ts";

const BOM = [0xef, 0xbb, 0xbf];
/** "Café" in Latin-1, on the second line. */
const LATIN_1 = Uint8Array.of(0x61, 0x0a, 0x43, 0x61, 0x66, 0xe9, 0x0a, 0x62);

Deno.test("a text is read without its byte order mark; one inside it stays", () =>
  withFiles({ "a.txt": Uint8Array.of(...BOM, 0x41, ...BOM) }, (path) => {
    assertEquals(readText(path("a.txt")), "A\ufeff");
  }));

Deno.test("what is no UTF-8 is refused with its line, and U+FFFD that was written is no mistake", () => {
  const message = "Cannot read x as line 2 is no UTF-8: save it in UTF-8";
  assertEquals(assertThrows(() => decodeText(LATIN_1, "x"), SyntaxError).message, message);
  const cut = new TextEncoder().encode("é\né").subarray(0, 4);
  assertEquals(assertThrows(() => decodeText(cut, "x"), SyntaxError).message, message);
  assertEquals(decodeText(new TextEncoder().encode("\ufffd"), "x"), "\ufffd");
});

Deno.test("a text past the limit is refused, one of no end too", () =>
  withFiles({ "a.txt": "x".repeat(101) }, (path) => {
    assertThrows(() => readText(path("a.txt"), 100), RangeError, "as it has more than 100 bytes: give a shorter text");
    assertEquals(readText(path("a.txt"), 101).length, 101);
    if (Deno.build.os !== "windows") assertThrows(() => readText("/dev/zero", 5e6), RangeError, "more than 5000000");
  }));

Deno.test("lines of a stream: characters cut between pieces, a byte order mark, other encodings", async () => {
  const bytes = Uint8Array.of(...BOM, ...new TextEncoder().encode("é1\r\n\n€"));
  const lines = await Array.fromAsync(readLines(ReadableStream.from([...bytes].map((byte) => Uint8Array.of(byte)))));
  assertEquals(lines, ["é1", "", "€"]);
  const seen: string[] = [];
  const message = await (async () => {
    for await (const line of readLines(ReadableStream.from([...LATIN_1].map((byte) => Uint8Array.of(byte))))) {
      seen.push(line);
    }
  })().catch((error) => error.message);
  assertEquals([seen, message], [["a"], "Cannot read line 2 or one after it as it is no UTF-8: write UTF-8"]);
});
