import { assertEquals } from "@std/assert";

const ROOT = new URL("../../../", import.meta.url);

/** TypeScript files under a folder, as paths from the checkout. */
function* sources(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, ROOT))) {
    if (isDirectory) yield* sources(`${folder}${name}/`);
    else if (name.endsWith(".ts")) yield folder + name;
  }
}

Deno.test("no path is a URL's: in a folder with a space or a letter beyond ASCII it would be another one", () => {
  const wrong = ["lib/", "tasks/", "tests/"].flatMap((folder) => [...sources(folder)]).filter((file) =>
    /import\.meta\.(?:url|resolve)[^;\n]*\)\.pathname/.test(Deno.readTextFileSync(new URL(file, ROOT)))
  );
  assertEquals(wrong.filter((file) => file !== "tests/tasks/cli/paths_test.ts"), []);
});
