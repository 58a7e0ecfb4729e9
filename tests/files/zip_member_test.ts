import { assert, assertEquals, assertRejects } from "@std/assert";
import { deflateRawSync } from "node:zlib";
import { zipMember } from "../../lib/files/zip_member.ts";
import { hasCommand } from "../fixtures/has_command.ts";
import { zipArchive, type ZipDamage } from "../fixtures/zip_archive.ts";

const CONTENT = new TextEncoder().encode("keys and values ".repeat(20));
const NAME = "a/b.gguf";

/** Writes an archive to a file and unpacks a member of it. */
async function unpack(archive: Uint8Array, member = NAME, limit = 1000): Promise<Uint8Array> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, archive);
    using file = await Deno.open(path);
    const pieces: number[] = [];
    for await (const piece of zipMember(file, member, limit)) pieces.push(...piece);
    return Uint8Array.from(pieces);
  } finally {
    await Deno.remove(path);
  }
}

const archiveOf = (damage: ZipDamage = {}) => zipArchive({ "a/other.txt": new Uint8Array(7), [NAME]: CONTENT }, damage);

Deno.test("a member is unpacked: deflated, stored, empty, behind others, with a comment at the end", async () => {
  assertEquals(await unpack(archiveOf()), CONTENT);
  assertEquals(await unpack(archiveOf({ method: 0 })), CONTENT);
  assertEquals(await unpack(archiveOf({ comment: 65_535 })), CONTENT);
  assertEquals(await unpack(zipArchive({ [NAME]: new Uint8Array(0) })), new Uint8Array(0));
});

Deno.test("a member above a piece's size comes in pieces", async () => {
  const large = crypto.getRandomValues(new Uint8Array(65_536));
  const content = new Uint8Array(3 << 20).map((_, index) => large[index % large.length] ^ (index >> 16));
  const path = await Deno.makeTempFile();
  await Deno.writeFile(path, zipArchive({ [NAME]: content }, { method: 0 }));
  using file = await Deno.open(path);
  let [count, received] = [0, 0];
  for await (const piece of zipMember(file, NAME, content.length)) {
    assertEquals(piece, content.subarray(received, received + piece.length));
    [count, received] = [count + 1, received + piece.length];
  }
  await Deno.remove(path);
  assertEquals(received, content.length);
  assert(count >= 3);
});

const ignore = !await hasCommand(["python3", "--version"]);

Deno.test({
  name: "Python's zipfile unpacks the same archive: the test's own writer is right",
  ignore,
  fn: readByPython,
});

async function readByPython(): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".zip" });
  await Deno.writeFile(path, archiveOf());
  const script = "import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))";
  const python = new Deno.Command("python3", { args: ["-c", script, path, NAME], stdout: "piped" });
  const { stdout, success } = await python.output();
  await Deno.remove(path);
  assert(success);
  assertEquals(stdout, CONTENT);
}

Deno.test("a damaged or hostile archive is refused", async () => {
  const refused = async (archive: Uint8Array, message: string, member = NAME, limit = 1000) =>
    void await assertRejects(() => unpack(archive, member, limit), SyntaxError, message);
  await refused(archiveOf(), "no such member", "other");
  await refused(archiveOf(), "has 320 bytes: at most 100", NAME, 100);
  await refused(archiveOf({ method: 9 }), "compression 9 is unknown");
  await refused(archiveOf({ packed: deflateRawSync(CONTENT), size: 10 }), "does not unpack to its 10 bytes");
  await refused(archiveOf({ size: 400 }), "does not unpack to its 400 bytes");
  await refused(archiveOf({ packed: new Uint8Array([255, 255, 255]) }), "does not unpack");
  await refused(archiveOf({ packed: deflateRawSync(CONTENT).subarray(0, -5) }), "does not unpack");
  const bomb = deflateRawSync(new Uint8Array(50_000_000));
  await refused(archiveOf({ packed: bomb, size: 1000 }), "does not unpack to its 1000 bytes");
});

Deno.test("an archive that is cut off anywhere is refused, and so is one with any byte of its directory wrong", async () => {
  const whole = archiveOf();
  for (let length = 0; length < whole.length; length += 3) {
    await assertRejects(() => unpack(whole.slice(0, length)), SyntaxError);
  }
  for (let at = whole.length - 22 - 2 * 46; at < whole.length; at++) {
    const changed = whole.slice();
    changed[at] ^= 0xff;
    // Fields that nobody reads may change; the content never does.
    const unpacked = await unpack(changed).catch((error) => {
      assert(error instanceof SyntaxError, `byte ${at}: ${error}`);
      return CONTENT;
    });
    assertEquals(unpacked, CONTENT, `byte ${at}`);
  }
});

Deno.test("a member that unpacks to a thousand times its size comes in pieces of at most 17 MB", async () => {
  const size = 100_000_000;
  const archive = zipArchive({ [NAME]: new Uint8Array(0) }, { size, packed: deflateRawSync(new Uint8Array(size)) });
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, archive);
    using file = await Deno.open(path);
    let [largest, whole] = [0, 0];
    for await (const { length } of zipMember(file, NAME, size)) {
      [largest, whole] = [Math.max(largest, length), whole + length];
    }
    assertEquals(whole, size);
    assert(largest <= 17e6, `${largest} bytes`);
  } finally {
    await Deno.remove(path);
  }
});
