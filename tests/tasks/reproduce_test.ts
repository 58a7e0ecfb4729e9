import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { readFolder } from "../../lib/notebook/folder_changes.ts";
import { serializeNotebook } from "../../lib/notebook/serialize_notebook.ts";
import { isRunning } from "../fixtures/is_running.ts";
import { runTask } from "../fixtures/run_task.ts";
import { type SyntheticCell, syntheticNotebook } from "../fixtures/synthetic_notebook.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A folder of notebooks by name, and the folder of reports beside it. */
async function withNotebooks(
  notebooks: Record<string, readonly SyntheticCell[]>,
  body: (folders: { notebooks: string; reports: string }) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "kvmirror-test-" });
  try {
    await Deno.mkdir(`${root}/notebooks`);
    for (const [name, cells] of Object.entries(notebooks)) {
      await Deno.writeTextFile(`${root}/notebooks/${name}.ipynb`, serializeNotebook(syntheticNotebook(...cells)));
    }
    await body({ notebooks: `${root}/notebooks`, reports: `${root}/reports` });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const WRITES = "Deno.writeTextFileSync('../reports/made.txt', 'by ' + profile)";
const PROFILE = { source: "let profile = 'full';\nlet seed = 42;", tags: ["parameters"] };

Deno.test("reproduce twice: the same bytes in every report; only the record of the run differs", async () => {
  await withNotebooks({ "01_one": [PROFILE, WRITES], "02_two": ["console.log('two'); 2"] }, async (folders) => {
    const args = ["reproduce", "--profile", "quick", "--notebooks", folders.notebooks, "--output", folders.reports];
    const first = await runTask(args);
    assertEquals(first.code, 0, first.stderr);
    assertMatch(first.stdout, /01_one\.ipynb +added\n02_two\.ipynb +added\nmade\.txt +added\n/);
    assertStringIncludes(first.stdout, "3 added, 0 changed, 0 removed, 0 same; model: none was needed");
    assertMatch(first.stderr, /^01_one cell 1\/3 \d:\d\d$/m);
    assertMatch(first.stderr, /^02_two done in \d:\d\d$/m);
    const before = await readFolder(folders.reports);
    const second = await runTask([...args, "--json"]);
    const { reports, notebooks, model } = JSON.parse(second.stdout);
    assertEquals([notebooks, model], [["01_one", "02_two"], null]);
    assertEquals(reports, ["01_one.ipynb", "02_two.ipynb", "made.txt"].map((path) => ({ path, change: "same" })));
    const after = await readFolder(folders.reports);
    assertEquals([...before.keys()].filter((path) => before.get(path) !== after.get(path)), ["provenance.json"]);
    assertEquals(await Deno.readTextFile(`${folders.reports}/made.txt`), "by quick");
    const { "01_one": { run } } = JSON.parse(await Deno.readTextFile(`${folders.reports}/provenance.json`));
    assertEquals([run.seed, run.model, run.versions.deno], [42, null, Deno.version.deno]);
    assertEquals(Object.keys(run.cell_seconds), ["c1", "injected-parameters", "c2"]);
  });
});

Deno.test("the quick profile, and --output, leave reports/ alone; what lies beside the notebooks is there all the same", async () => {
  const reads = "[Deno.readTextFileSync('./beside.txt'), Deno.readTextFileSync('../data/more.txt')].join()";
  await withNotebooks({ "01_one": [PROFILE, WRITES, reads] }, async ({ notebooks, reports }) => {
    const root = notebooks.slice(0, -"/notebooks".length);
    await Deno.mkdir(`${root}/data`);
    await Deno.mkdir(reports);
    const files = { "data/more.txt": "more", "notebooks/beside.txt": "beside", "reports/made.txt": "as it was" };
    for (const [path, text] of Object.entries(files)) await Deno.writeTextFile(`${root}/${path}`, text);
    await Deno.writeTextFile(`${reports}/performance.md`, "![a picture](figures/11_a.png)");
    await Deno.mkdir(`${reports}/figures`);
    await Deno.writeTextFile(`${reports}/figures/11_a.png`, "pixels");
    const before = await readFolder(reports);
    const elsewhere = [["--profile", "quick"], ["--output", `${root}/else where`], [
      "--output",
      `${root}/reports/more`,
    ]];
    for (const [index, args] of elsewhere.entries()) {
      const { code, stdout, stderr } = await runTask(["reproduce", "--notebooks", notebooks, "--json", ...args]);
      assertEquals(code, 0, stderr);
      const { output, profile } = JSON.parse(stdout);
      assertEquals(output, index === 0 ? `${root}/reports-quick` : args[1]);
      const made = await readFolder(output);
      assert(made.has("site/index.html"));
      assertEquals([...made.keys()].filter((path) => !path.startsWith("site/")).sort(), [
        "01_one.ipynb",
        "figures/11_a.png",
        "made.txt",
        "performance.md",
        "provenance.json",
      ]);
      assertStringIncludes(await Deno.readTextFile(`${output}/01_one.ipynb`), "beside,more");
      assertEquals(await Deno.readTextFile(`${output}/made.txt`), `by ${profile}`);
      for (const [path, hash] of before) assertEquals((await readFolder(reports)).get(path), hash, path);
    }
    const left = [...Deno.readDirSync(root)].map(({ name }) => name).sort();
    assertEquals(left, ["data", "else where", "notebooks", "reports", "reports-quick"], "nothing of a run is left");
  });
});

Deno.test("a committed notebook with --output: the committed bytes, in the other folder", async () => {
  const folder = await Deno.makeTempDir({ prefix: "kvmirror-test-" });
  try {
    const { code, stdout, stderr } = await runTask(["reproduce", "--only", "01_simulator", "--output", folder]);
    assertEquals(code, 0, stderr);
    assertStringIncludes(stdout, `read ${folder}/benchmark_summary.md\n`);
    const [made, committed] = [await readFolder(folder), await readFolder(`${ROOT}reports`)];
    const own = [...made].filter(([path]) => /^(?:figures\/)?01_/.test(path));
    assertEquals(own.length, 7, "a notebook and three figures, each in two forms");
    for (const [path, hash] of own) assertEquals(hash, committed.get(path), path);
    const section = (text: string) => text.match(/<!-- begin 01_simulator -->[^]*<!-- end 01_simulator -->/)?.[0];
    const summaries = [folder, `${ROOT}reports`].map((each) => Deno.readTextFileSync(`${each}/benchmark_summary.md`));
    assertEquals(section(summaries[0]), section(summaries[1]));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a cell that fails: its source, error and place; its report stays as it was, those before it are done", async () => {
  const broken = ["const fine = 1;", "const one = 1;\n\n\nthrow new RangeError('too\\nmuch');"];
  await withNotebooks({ "01_one": ["1"], "02_two": broken, "03_three": ["3"] }, async (folders) => {
    await Deno.mkdir(folders.reports);
    await Deno.writeTextFile(`${folders.reports}/02_two.ipynb`, "as it was");
    const { code, stdout, stderr } = await runTask(["reproduce", "--notebooks", folders.notebooks]);
    assertEquals([code, stdout], [1, ""]);
    assertStringIncludes(stderr, "\n  1 | const one = 1;\n  2 |\n  3 |\n> 4 | throw new RangeError('too\\nmuch');\n");
    assertStringIncludes(stderr, "\nfinished before it: 01_one\n");
    assertMatch(stderr, /^error: 02_two\.ipynb, cell 2 \(id c2\), line 4: RangeError: too much\n$/m);
    assertEquals(await Deno.readTextFile(`${folders.reports}/02_two.ipynb`), "as it was");
    assertEquals([...(await readFolder(folders.reports)).keys()].sort(), [
      "01_one.ipynb",
      "02_two.ipynb",
      "provenance.json",
    ]);
  });
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`${signal} ends the kernel too and loses nothing that is finished`, async () => {
    const endless = ["Deno.writeTextFileSync('pid', String(Deno.pid));", "for (;;);"];
    await withNotebooks({ "01_one": ["1"], "02_endless": endless }, async (folders) => {
      const task = new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "-q", "tasks/reproduce.ts", "--notebooks", folders.notebooks],
        cwd: new URL("../../", import.meta.url),
        stdout: "null",
        stderr: "piped",
      }).spawn();
      const reader = task.stderr.pipeThrough(new TextDecoderStream()).getReader();
      let stderr = "";
      while (!stderr.includes("02_endless cell 2/2")) stderr += (await reader.read()).value ?? "";
      task.kill(signal);
      for (let piece; (piece = await reader.read()).value !== undefined;) stderr += piece.value;
      assertEquals((await task.status).code, signal === "SIGINT" ? 130 : 143);
      assertStringIncludes(stderr, "finished before it: 01_one\nerror: interrupted\n");
      const kernel = Number(await Deno.readTextFile(`${folders.notebooks}/pid`));
      assert(!isRunning(kernel), "the kernel is gone");
      assertEquals([...(await readFolder(folders.reports)).keys()].sort(), ["01_one.ipynb", "provenance.json"]);
    });
  });
}

Deno.test("only one notebook, by its name with or without number", async () => {
  await withNotebooks({ "01_one": ["1"], "02_two": ["2"] }, async (folders) => {
    for (const name of ["02_two", "two", "02_two.ipynb"]) {
      const { stdout } = await runTask(["reproduce", "--notebooks", folders.notebooks, "--only", name, "--json"]);
      assertEquals(JSON.parse(stdout).notebooks, ["02_two"]);
    }
  });
});

Deno.test("mistakes on the command line are one line and exit 2", async () => {
  await withNotebooks({ "01_one": ["1"] }, async ({ notebooks }) => {
    const cases: [string[], string][] = [
      [["--profile", "fast"], "Cannot run profile fast: the profiles are quick, full, deep"],
      [["--only", "01_onne"], 'Cannot find notebook "01_onne": did you mean 01_one? The notebooks are 01_one'],
      [["--model", "smolm2-135m"], 'Cannot find model "smolm2-135m": did you mean smollm2-135m?'],
      [["--output", `${notebooks}/01_one.ipynb`], `Cannot write reports to ${notebooks}/01_one.ipynb as it is a file`],
      [["--output", notebooks], `Cannot write reports to ${notebooks} as the notebooks are in it`],
      [["--output", `${notebooks}/..`], `Cannot write reports to ${notebooks}/.. as the notebooks are in it`],
      [["one"], "Cannot use the word one as reproduce takes flags only"],
    ];
    for (const [args, message] of cases) {
      const { code, stderr } = await runTask(["reproduce", "--notebooks", notebooks, ...args]);
      assertEquals([code, stderr.split("\n").length], [2, 2], stderr);
      assertStringIncludes(stderr, `error: ${message}`);
    }
    const none = await runTask(["reproduce", "--notebooks", `${notebooks}/absent`]);
    assertEquals(none.code, 2);
    assertStringIncludes(none.stderr, "Cannot find a notebook in");
  });
});

Deno.test("a notebook that is no notebook is one line that names it, before anything runs", async () => {
  await withNotebooks({ "01_one": ["1"] }, async ({ notebooks, reports }) => {
    await Deno.writeTextFile(`${notebooks}/02_two.ipynb`, '{"nbformat": 4');
    const { code, stderr } = await runTask(["reproduce", "--notebooks", notebooks]);
    assertEquals(code, 2);
    assertMatch(stderr, /^error: .*02_two\.ipynb: Cannot read the notebook as JSON: it goes wrong at character 15\n$/);
    assertEquals((await readFolder(reports)).size, 0);
  });
});

Deno.test("reproduce --fresh: evaluations find their samples in a folder of this code's, which the next fresh run shares", async () => {
  const where = "console.log(Deno.env.get('KVMIRROR_SAMPLES') ?? 'the shared ones')";
  await withNotebooks({ "01_one": [PROFILE, where] }, async ({ notebooks, reports }) => {
    const printed = async (...flags: string[]) => {
      const { code, stderr } = await runTask(["reproduce", "--notebooks", notebooks, "--output", reports, ...flags]);
      assertEquals(code, 0, stderr);
      const { cells } = JSON.parse(await Deno.readTextFile(`${reports}/01_one.ipynb`));
      return cells.at(-1).outputs[0].text.join("").trim();
    };
    const fresh = await printed("--fresh");
    assertMatch(fresh, /[\\/]fresh_samples[\\/][0-9a-f]{32}$/);
    assertEquals(await printed("--fresh"), fresh);
    assertEquals(await printed(), "the shared ones");
    const { "01_one": { run } } = JSON.parse(await Deno.readTextFile(`${reports}/provenance.json`));
    assertEquals(run.command.includes("--fresh"), false);
  });
});
