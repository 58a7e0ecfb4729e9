import { fileURLToPath } from "node:url";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runTask } from "../fixtures/run_task.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Sections that are not of the model that runs: a simulation, and studies that are committed. */
const OTHERS: readonly (readonly [string, string])[] = [
  ["01_", "; no model;"],
  ["13_", "model qwen2.5-coder-0.5b,"],
  ["14_", "model smollm2-135m,"],
  ["15_", "model qwen2.5-coder-0.5b,"],
  ["16_", "model qwen2.5-coder-0.5b,"],
  ["17_", "model qwen2.5-coder-0.5b,"],
];

Deno.test("the quick profile where nothing can be obtained: every notebook runs, and says that the embedded model did it", async () => {
  // Inside the checkout, so that notebooks find deno.json.
  const folder = await Deno.makeTempDir({ dir: ROOT, prefix: ".kvmirror-test-" });
  try {
    for (const each of ["bin", "cache", "notebooks", "data/samples"]) {
      await Deno.mkdir(`${folder}/${each}`, { recursive: true });
    }
    await Deno.copyFile(`${ROOT}data/samples/story.txt`, `${folder}/data/samples/story.txt`); // the tour reads it
    await Deno.symlink(Deno.execPath(), `${folder}/bin/deno`);
    const names = [...Deno.readDirSync(`${ROOT}notebooks`)].map(({ name }) => name)
      .filter((name) => name.endsWith(".ipynb")).sort();
    for (const name of names) await Deno.copyFile(`${ROOT}notebooks/${name}`, `${folder}/notebooks/${name}`);
    const { code, stdout, stderr } = await runTask(
      ["reproduce", "--profile", "quick", "--model", "auto", "--notebooks", `${folder}/notebooks`, "--json"],
      {
        PATH: `${folder}/bin`,
        KVMIRROR_CACHE: `${folder}/cache`,
        HF_HUB_CACHE: `${folder}/cache`,
        HF_HUB_OFFLINE: "1",
      },
    );
    assertEquals(code, 0, stderr);
    assertMatch(stderr, /^model tiny, from this project: the embedded model, as no other could be had \(/m);
    assertEquals(JSON.parse(stdout).notebooks, names.map((name) => name.replace(".ipynb", "")));
    const summary = await Deno.readTextFile(`${folder}/reports-quick/benchmark_summary.md`);
    for (const section of summary.split(/<!-- begin /).slice(1)) {
      const [, origin] = OTHERS.find(([name]) => section.startsWith(name)) ?? ["", "model tiny, the embedded model"];
      assertStringIncludes(section, origin);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
