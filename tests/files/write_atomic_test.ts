import { assertEquals } from "@std/assert";
import { holdFolder } from "../../lib/files/held_folder.ts";
import { writeAtomicSync } from "../../lib/files/write_atomic.ts";
import { startScript } from "../fixtures/start_script.ts";
import { withFolder } from "../fixtures/with_folder.ts";

const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).toSorted();

/** A process that runs the code and then waits until it is killed. */
function start(module: string, code: string): Promise<AsyncDisposable> {
  const url = new URL(`../../lib/files/${module}`, import.meta.url);
  return startScript(`import * as files from ${JSON.stringify(url)};
    ${code}
    console.log("there");
    await new Promise(() => setInterval(() => {}, 1000));`);
}

Deno.test("what a killed process was writing goes with the next file in its folder, what a living one writes stays", () =>
  withFolder(async (path, folder) => {
    const write = (name: string) => `files.writeAtomic(${JSON.stringify(path(name))}, () => new Promise(() => {}));`;
    await using _living = await start("write_atomic.ts", write("living.bin"));
    const killed = await start("write_atomic.ts", write("killed.bin"));
    assertEquals(namesIn(folder).length, 2);
    await killed[Symbol.asyncDispose]();
    Deno.writeTextFileSync(path("notes.unfinished"), "the user's own");
    writeAtomicSync(path("new.txt"), "new");
    const left = namesIn(folder);
    assertEquals([left.length, left[0].startsWith("living.bin."), left.slice(1)], [
      3,
      true,
      ["new.txt", "notes.unfinished"],
    ]);
  }));

Deno.test("a folder that a killed process held goes with the next of its kind, a living one's stays", () =>
  withFolder(async (_, folder) => {
    const hold = `const held = await files.holdFolder("work-", ${JSON.stringify(folder)});
      Deno.writeTextFileSync(held.path + "/half", "");`;
    await using _living = await start("held_folder.ts", hold);
    const killed = await start("held_folder.ts", hold);
    await killed[Symbol.asyncDispose]();
    assertEquals(namesIn(folder).length, 4);
    {
      await using held = await holdFolder("work-", folder);
      assertEquals([namesIn(folder).length, namesIn(held.path)], [4, []]);
    }
    assertEquals(namesIn(folder).length, 2);
  }));
