import { assertEquals, assertRejects } from "@std/assert";
import { barChart, saveFigure, writeReport } from "kvmirror/report";
import { withFolder } from "../../fixtures/with_folder.ts";

const names = (folder: string): string[] => Array.from(Deno.readDirSync(folder), (entry) => entry.name).sort();

Deno.test("writeReport makes folders and replaces what was there", () =>
  withFolder(async (_, folder) => {
    await writeReport(`${folder}/a/b.md`, "a long first text\n");
    await writeReport(`${folder}/a/b.md`, "second\n");
    assertEquals(await Deno.readTextFile(`${folder}/a/b.md`), "second\n");
    assertEquals(names(`${folder}/a`), ["b.md"]);
  }));

Deno.test("writeReport that fails leaves what was there and nothing half-written", () =>
  withFolder(async (_, folder) => {
    await writeReport(`${folder}/taken/inside.md`, "stays\n");
    await assertRejects(() => writeReport(`${folder}/taken`, "a file where a folder is\n"));
    assertEquals(names(folder), ["taken"]);
    assertEquals(await Deno.readTextFile(`${folder}/taken/inside.md`), "stays\n");
  }));

Deno.test("saveFigure writes both forms and returns Markdown with the title, or else the description", () =>
  withFolder(async (_, folder) => {
    const rows = [{ policy: "hybrid", recall: 1 }];
    const description = "One bar of 1.";
    const drawn = await barChart({ rows, x: "recall", y: "policy", label: ".2f", title: "All | kept", description });
    const markdown = await saveFigure(`${folder}/figures`, "01_recall", drawn);
    assertEquals(markdown, "![All \\| kept](figures/01_recall.png)\n");
    const untitled = await saveFigure(folder, "untitled", {
      ...drawn,
      title: undefined,
      description: "a ".repeat(150),
    });
    assertEquals(untitled.match(/^!\[(.*)\]/)![1], `${"a ".repeat(99)}a …`);
    assertEquals(names(`${folder}/figures`), ["01_recall.png", "01_recall.svg"]);
    assertEquals(await Deno.readTextFile(`${folder}/figures/01_recall.svg`), drawn.svg);
    assertEquals(await Deno.readFile(`${folder}/figures/01_recall.png`), drawn.png);
  }));
