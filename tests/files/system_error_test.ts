import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describeSystemError } from "../../lib/files/system_error.ts";
import { readText } from "../../lib/files/text_file.ts";
import { writeAtomic, writeAtomicSync } from "../../lib/files/write_atomic.ts";
import { withFiles } from "../fixtures/with_folder.ts";

function messageOf(body: () => unknown): string {
  return assertThrows(body, Error).message;
}

Deno.test("a file that cannot be read or written: the path as it was given, why, and what to do", () =>
  withFiles({ "a.txt": "a" }, async (path, folder) => {
    assertEquals(
      messageOf(() => readText(path("none"))),
      `Cannot read ${path("none")} as there is no such file or folder: check the path`,
    );
    assertEquals(messageOf(() => readText(folder)), `Cannot read ${folder} as it is a folder: name a file`);
    assertEquals(
      messageOf(() => readText(path("a.txt/b"))),
      `Cannot read ${path("a.txt/b")} as a part of it is a file and no folder: check the path`,
    );
    const missing = `Cannot write ${path("none/b")} as its folder does not exist: make the folder first`;
    assertEquals(messageOf(() => writeAtomicSync(path("none/b"), "b")), missing);
    assertEquals((await assertRejects(() => writeAtomic(path("none/b"), () => {}), Error)).message, missing);
    const long = path("x".repeat(300));
    assertEquals(
      messageOf(() => writeAtomicSync(long, "b")),
      `Cannot write ${long} as its name is too long: shorten it`,
    );
  }));

/** What writing to a full disk throws, as Deno 2.9 says it: no path is in it. */
const FULL = Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });

Deno.test("a full disk is said, and what to set where the path is in the cache folder", () => {
  const before = Deno.env.get("KVMIRROR_CACHE");
  Deno.env.set("KVMIRROR_CACHE", "/made/up");
  try {
    assertEquals(
      describeSystemError(FULL, { action: "write", path: "/made/up/models/x" }),
      "Cannot write /made/up/models/x as the disk is full: free some space, or set KVMIRROR_CACHE to another folder",
    );
    assertEquals(
      describeSystemError(FULL, { action: "write", path: "/other" }),
      "Cannot write /other as the disk is full: free some space",
    );
  } finally {
    if (before === undefined) Deno.env.delete("KVMIRROR_CACHE");
    else Deno.env.set("KVMIRROR_CACHE", before);
  }
});

Deno.test("any other error is not the system's", () => {
  for (const error of [new RangeError("Cannot"), "text", undefined, new Deno.errors.NotFound("no model")]) {
    assertEquals(describeSystemError(error), undefined);
  }
});
