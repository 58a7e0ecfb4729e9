/**
 * `deno task lab:check [NOTEBOOK…] [--profile P] [--model M] [--screenshots FOLDER]`: opens notebooks in JupyterLab in a
 * headless Chromium, runs all cells, and compares what stands under each with the headless runner's result; then stops
 * a cell that loops. Without names it takes every notebook, and the tests' own of every kind of output.
 */
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import type { Cell } from "../../lib/notebook/notebook.ts";
import { injectParameters, type Parameter } from "../../lib/notebook/parameters.ts";
import { type NotebookFile, readNotebooks } from "../../lib/notebook/read_notebooks.ts";
import { runNotebook } from "../../lib/notebook/run_notebook.ts";
import { serializeNotebook } from "../../lib/notebook/serialize_notebook.ts";
import { printNotice, printText } from "../../tasks/cli/print.ts";
import { runTask } from "../../tasks/cli/run_task.ts";
import { UsageError } from "../../tasks/cli/usage_error.ts";
import { syntheticNotebook } from "../fixtures/synthetic_notebook.ts";
import { findChromium, type Page, startChromium } from "./chromium.ts";
import * as lab from "./lab_notebook.ts";
import { makeLabRoot } from "./lab_root.ts";
import { type LabServer, startLab } from "./lab_server.ts";

const FIXTURES = fileURLToPath(new URL("../notebook/fixtures/", import.meta.url));
const CHART = "application/vnd.vegalite.v5+json";

/** How long a notebook may run in Lab, in ms. */
const TIMEOUT = 3_600_000;

/** What the checks share. */
interface Bench {
  readonly root: string;
  readonly server: LabServer;
  readonly page: Page;
  readonly screenshots: string;
}

await runTask("lab:check", async (flags) => {
  const files = select([...await readNotebooks(FIXTURES), ...await readNotebooks("notebooks")], flags.words);
  const parameters = { profile: flags.text("profile")!, model: flags.text("model")! };
  const executable = await findChromium();
  if (executable === undefined) {
    throw new Error("Cannot open JupyterLab as there is no Chromium on the PATH: on Debian, apt-get install chromium");
  }
  const screenshots = flags.text("screenshots") ?? await Deno.makeTempDir({ prefix: "kvmirror-screenshots-" });
  await Deno.mkdir(screenshots, { recursive: true });
  await using root = await makeLabRoot();
  await using server = await startLab(root.path);
  await using page = await startChromium(executable);
  const bench = { root: root.path, server, page, screenshots };
  const wrong: string[] = [];
  for (const file of files) wrong.push(...await checkNotebook(file, parameters, bench));
  wrong.push(...await checkStop(bench));
  printText(`screenshots: ${screenshots}`);
  if (wrong.length > 0) throw new Error(`Cannot accept ${wrong.length} differences: see above`);
});

function select(files: readonly NotebookFile[], names: readonly string[]): readonly NotebookFile[] {
  const unknown = names.find((name) => !files.some((file) => file.name === name));
  if (unknown === undefined) return names.length === 0 ? files : files.filter(({ name }) => names.includes(name));
  throw new UsageError(`Cannot find ${unknown}: the notebooks are ${files.map(({ name }) => name).join(", ")}`);
}

async function checkNotebook(
  { name, notebook: source }: NotebookFile,
  parameters: Readonly<Record<string, Parameter>>,
  { root, server, page, screenshots }: Bench,
): Promise<string[]> {
  const folder = `${root}/notebooks`;
  const notebook = injectParameters(source, parameters);
  await Deno.writeTextFile(`${folder}/${name}.ipynb`, serializeNotebook(notebook));
  const { notebook: expected, failed } = await runNotebook(notebook, { folder });
  if (failed !== undefined) throw new Error(`${name} fails headless: ${failed.failure.message}`);
  await lab.openNotebook(page, server, `notebooks/${name}.ipynb`);
  await lab.chooseRunAll(page);
  await lab.waitUntilDone(page, TIMEOUT);
  const misplaced = lab.misplacedOutputs(await lab.readLabNotebook(page), expected);
  const pictures = await takePictures(page, `${screenshots}/${name}`);
  const charts = [...expected.cells.keys()].filter((index) => hasChart(expected.cells[index]));
  const drawn = await lab.drawnCharts(page);
  const missing = charts.filter((index) =>
    !drawn.some(({ cell, width, height, colors }) => cell === index && width > 50 && height > 50 && colors > 2)
  );
  await lab.closeNotebook(page);
  const cells = expected.cells.filter(({ type }) => type === "code").length;
  printText(
    `${name}: ${cells - misplaced.length} of ${cells} cells right, ${charts.length - missing.length} of ` +
      `${charts.length} charts drawn, ${pictures} screenshots`,
  );
  const wrong = [...misplaced, ...missing.map((index) => `cell ${index + 1}: its chart is not drawn`)];
  for (const text of wrong) printNotice(`${name}, ${text}`);
  return wrong;
}

/** Stop interrupts a cell that loops, and the kernel lives. */
async function checkStop({ root, server, page, screenshots }: Bench): Promise<string[]> {
  await Deno.writeTextFile(
    `${root}/notebooks/stop.ipynb`,
    serializeNotebook(syntheticNotebook("const kept = 'kept';", "for (;;);", "kept;")),
  );
  await lab.openNotebook(page, server, "notebooks/stop.ipynb");
  const kernel = await lab.kernelId(page);
  await lab.chooseRunAll(page);
  await lab.waitUntilLooping(page, 1);
  await page.click('.jp-NotebookPanel-toolbar [data-jp-item-name="interrupt"] jp-button');
  await lab.waitUntilDone(page, 20_000);
  await lab.runCell(page, 2);
  await lab.waitUntilDone(page, 20_000);
  await takePictures(page, `${screenshots}/stop`);
  const last = (await lab.readLabNotebook(page)).cells[2];
  const answer = last.type === "code"
    ? last.outputs.map((output) => "data" in output && output.data["text/plain"])
    : [];
  const lives = await lab.kernelId(page) === kernel && stripVTControlCharacters(answer.join()) === '"kept"';
  await lab.closeNotebook(page);
  printText(`stop: the loop ended, the kernel ${lives ? "lives" : "is lost"}`);
  return lives ? [] : [`stop: the kernel did not live on: the next cell gave ${answer}`];
}

function hasChart(cell: Cell): boolean {
  return cell.type === "code" && cell.outputs.some((output) => "data" in output && CHART in output.data);
}

async function takePictures(page: Page, name: string): Promise<number> {
  let count = 0;
  for await (const png of lab.scrollThrough(page)) await Deno.writeFile(`${name}-${++count}.png`, png);
  return count;
}
