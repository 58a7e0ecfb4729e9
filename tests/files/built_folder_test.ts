import { assertEquals, assertRejects } from "@std/assert";
import { builtFolder } from "../../lib/files/built_folder.ts";
import { startScript } from "../fixtures/start_script.ts";
import { withFolder } from "../fixtures/with_folder.ts";

const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).toSorted();

Deno.test("a folder whose building fails leaves nothing, and is built the next time", () =>
  withFolder(async (path) => {
    const cache = path("cache");
    const failing = (folder: string) => {
      Deno.writeTextFileSync(`${folder}/a`, "half");
      throw new Error("no more");
    };
    await assertRejects(() => builtFolder("kind/one", failing, { cache }), Error, "no more");
    assertEquals(namesIn(`${cache}/kind`), []);
    const folder = await builtFolder("kind/one", (folder) => Deno.writeTextFileSync(`${folder}/a`, "all"), { cache });
    assertEquals([namesIn(`${cache}/kind`), Deno.readTextFileSync(`${folder}/a`)], [["one"], "all"]);
  }));

Deno.test("what a killed process built is removed by the next, what a living one builds stays", () =>
  withFolder(async (path) => {
    const cache = path("cache");
    const url = new URL("../../lib/files/built_folder.ts", import.meta.url);
    const start = (name: string) =>
      startScript(`import { builtFolder } from ${JSON.stringify(url)};
        await builtFolder("kind/${name}", async (folder) => {
          Deno.writeTextFileSync(folder + "/half", "");
          console.log("building");
          await new Promise(() => setInterval(() => {}, 1000));
        }, { cache: ${JSON.stringify(cache)} });`);
    await using _living = await start("living");
    const killed = await start("killed");
    assertEquals(namesIn(`${cache}/kind`).length, 4);
    await killed[Symbol.asyncDispose]();
    assertEquals(namesIn(`${cache}/kind`).length, 4);
    await builtFolder("kind/one", () => {}, { cache });
    const left = namesIn(`${cache}/kind`);
    assertEquals([left.length, left.includes("one")], [3, true]);
  }));

Deno.test("the lock of a process that was killed once its folder was there goes when the folder is used", () =>
  withFolder(async (path) => {
    const cache = path("cache");
    await builtFolder("kind/one", () => {}, { cache });
    // The second was killed before its lock had its name.
    for (const name of ["building-0.lock", "building-1.lock.new"]) Deno.writeTextFileSync(`${cache}/kind/${name}`, "");
    await builtFolder("kind/one", () => {}, { cache });
    assertEquals(namesIn(`${cache}/kind`), ["one"]);
  }));
