import { assertEquals } from "@std/assert";
import { holdFolder } from "../../lib/files/held_folder.ts";
import { withFolder } from "../fixtures/with_folder.ts";

Deno.test("folders that many make at once in one place are each their own, and all go", () =>
  withFolder(async (_, parent) => {
    for (let round = 0; round < 5; round++) {
      const folders = await Promise.all(Array.from({ length: 40 }, () => holdFolder("held-", parent)));
      assertEquals(new Set(folders.map(({ path }) => path)).size, 40);
      for (const folder of folders) await folder[Symbol.asyncDispose]();
    }
    assertEquals([...Deno.readDirSync(parent)], []);
  }));
