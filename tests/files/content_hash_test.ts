import { assertEquals, assertNotEquals } from "@std/assert";
import { contentHash } from "../../lib/files/hash.ts";
import { withFolder } from "../fixtures/with_folder.ts";

/** sha256 of "abc", from FIPS 180-2. */
const ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
/** sha256 of 1,000,000 times "a", from the same. */
const MILLION = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
const LONG_AGO = new Date("2020-01-01T00:00:00Z");

async function write(path: string, text: string, changed: Date = LONG_AGO): Promise<{ name: string; path: string }> {
  await Deno.writeTextFile(path, text);
  await Deno.utime(path, changed, changed);
  return { name: path.split("/").at(-1)!, path };
}

/** Until the times of files that were written before tell of every later change. */
const settle = () => new Promise((resume) => setTimeout(resume, 2100));

Deno.test("one file's hash is its own sha256", () =>
  withFolder(async (_, folder) => {
    assertEquals(await contentHash([await write(`${folder}/a`, "abc")], `${folder}/cache`), ABC);
    assertEquals(await contentHash([await write(`${folder}/b`, "a".repeat(1e6))], `${folder}/cache`), MILLION);
  }));

Deno.test("several files' hash is over names and contents, whatever their order and folder", () =>
  withFolder(async (_, folder) => {
    await Deno.mkdir(`${folder}/other`);
    const one = await write(`${folder}/one`, "abc");
    const two = await write(`${folder}/two`, "def");
    const hash = await contentHash([one, two], `${folder}/cache`);
    // printf '%s  one\n%s  two\n' "$(printf abc | sha256sum | cut -c1-64)" "$(printf def | sha256sum | cut -c1-64)" | sha256sum
    assertEquals(hash, "b28e1af9657541145b5195e5a09139c726ed38e0503d763fda83541b8b32d737");
    assertEquals(await contentHash([two, one], `${folder}/cache`), hash);
    const moved = [await write(`${folder}/other/one`, "abc"), await write(`${folder}/other/two`, "def")];
    assertEquals(await contentHash(moved, `${folder}/cache`), hash);
    assertNotEquals(await contentHash([{ ...one, name: "two" }, { ...two, name: "one" }], `${folder}/cache`), hash);
  }));

Deno.test("a file that has not changed is not read again, one that has is", () =>
  withFolder(async (_, folder) => {
    const file = await write(`${folder}/a`, "abc");
    await settle();
    assertEquals(await contentHash([file], `${folder}/cache`), ABC);
    const [kept] = [...Deno.readDirSync(`${folder}/cache/content_hashes`)];
    await Deno.writeTextFile(`${folder}/cache/content_hashes/${kept.name}`, MILLION);
    assertEquals(await contentHash([file], `${folder}/cache`), MILLION, "what was kept is given, so nothing was read");
    await write(`${folder}/a`, "xyz"); // the same size and time of writing: the system knows that it changed
    const changed = await contentHash([file], `${folder}/cache`);
    assertEquals(changed !== ABC && changed !== MILLION, true);
    await write(`${folder}/a`, "abc", new Date("2021-01-01T00:00:00Z"));
    assertEquals(await contentHash([file], `${folder}/cache`), ABC);
    await write(`${folder}/a`, "abcd", LONG_AGO);
    assertNotEquals(await contentHash([file], `${folder}/cache`), ABC);
  }));

Deno.test("the hash of a file changed just now is not kept, as it may change again unnoticed", () =>
  withFolder(async (_, folder) => {
    const now = new Date();
    const file = await write(`${folder}/a`, "xyz", now);
    assertNotEquals(await contentHash([file], `${folder}/cache`), ABC);
    await write(`${folder}/a`, "abc", now);
    assertEquals(await contentHash([file], `${folder}/cache`), ABC);
  }));

Deno.test("a damaged or unwritable cache costs time, not the result", () =>
  withFolder(async (_, folder) => {
    const file = await write(`${folder}/a`, "abc");
    await settle();
    await contentHash([file], `${folder}/cache`);
    for (const kept of Deno.readDirSync(`${folder}/cache/content_hashes`)) {
      await Deno.writeTextFile(`${folder}/cache/content_hashes/${kept.name}`, "half of a ha");
    }
    assertEquals(await contentHash([file], `${folder}/cache`), ABC);
    assertEquals(await contentHash([file], file.path), ABC); // a file stands where the folder should be
  }));
