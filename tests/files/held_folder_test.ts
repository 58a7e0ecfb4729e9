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

Deno.test("who tidies up at every moment takes no lock from one that is about to hold it, whatever the process", async () => {
  const module = new URL("../../lib/files/held_folder.ts", import.meta.url).href;
  const script = `
    import { holdFolder, removeAbandoned } from ${JSON.stringify(module)};
    const [parent] = Deno.args;
    for (let round = 0; round < 200; round++) {
      await using folder = await holdFolder("held-", parent);
      await removeAbandoned("held-", parent);
      Deno.writeTextFileSync(folder.path + "/mine", "");
    }`;
  await withFolder(async (_, parent) => {
    const runs = await Promise.all(Array.from({ length: 4 }, () =>
      new Deno.Command(Deno.execPath(), {
        args: ["eval", "-q", "--ext=ts", script, parent],
      }).output()));
    assertEquals(runs.map(({ stderr }) => new TextDecoder().decode(stderr)), ["", "", "", ""]);
    assertEquals([...Deno.readDirSync(parent)], []);
  });
});
