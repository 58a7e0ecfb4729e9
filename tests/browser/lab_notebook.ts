import { assertEquals } from "@std/assert";
import { stripVTControlCharacters } from "node:util";
import type { CodeCell, DisplayOutput, Notebook } from "../../lib/notebook/notebook.ts";
import { parseNotebook } from "../../lib/notebook/parse_notebook.ts";
import type { Page } from "./chromium.ts";
import type { LabServer } from "./lab_server.ts";

const WIDGET = "window.jupyterapp?.shell?.currentWidget";
const KERNEL = `${WIDGET}?.sessionContext?.session?.kernel`;
const IDLE = `${KERNEL}?.status === "idle"`;

/** Opens a notebook in Lab and waits for its kernel. */
export async function openNotebook(page: Page, server: LabServer, path: string): Promise<void> {
  await page.open(server.address(path));
  const opened = `${WIDGET}?.context?.path === ${JSON.stringify(path)} && ${WIDGET}.content?.model?.cells?.length > 0`;
  await page.waitUntil(opened, path, 60_000);
  await page.waitUntil(IDLE, "the kernel", 60_000);
}

/** Chooses Run All Cells from the menu. */
export async function chooseRunAll(page: Page): Promise<void> {
  await page.click(".lm-MenuBar-itemLabel", "Run");
  await page.click(".lm-Menu-itemLabel", "Run All Cells");
}

/** Waits until no cell runs or waits, and for outputs that are late. */
export async function waitUntilDone(page: Page, timeout: number): Promise<void> {
  const waiting = `[...document.querySelectorAll(".jp-InputPrompt")].some((one) => one.textContent.includes("*"))`;
  const begun = `[...${WIDGET}.content.model.cells].some((cell) => cell.executionCount != null)`;
  await page.waitUntil(`${begun} && !${waiting} && ${IDLE}`, "the cells to be done", timeout);
  await new Promise((done) => setTimeout(done, 1500));
}

/** The notebook as Lab has it now. */
export async function readLabNotebook(page: Page): Promise<Notebook> {
  return parseNotebook(await page.evaluate<string>(`JSON.stringify(${WIDGET}.content.model.sharedModel.toJSON())`));
}

/** The id of the running kernel. */
export function kernelId(page: Page): Promise<string> {
  return page.evaluate(`${KERNEL}.id`);
}

/** Waits until the kernel has been at work on one cell for a while. */
export async function waitUntilLooping(page: Page, index: number): Promise<void> {
  const prompt = `document.querySelectorAll(".jp-Notebook .jp-Cell")[${index}].querySelector(".jp-InputPrompt")`;
  await page.waitUntil(`${KERNEL}?.status === "busy" && ${prompt}.textContent.includes("*")`, "the loop", 20_000);
  await new Promise((done) => setTimeout(done, 1000));
}

/** Runs one cell as Shift-Enter does. */
export async function runCell(page: Page, index: number): Promise<void> {
  await page.evaluate(`window.jupyterapp.shell.currentWidget.content.activeCellIndex = ${index}`);
  await page.evaluate(`jupyterapp.commands.execute("notebook:run-cell")`);
}

/** Ends the notebook's kernel, and saves it: Lab would ask before the next page opens. */
export async function closeNotebook(page: Page): Promise<void> {
  await page.evaluate(`${WIDGET}.context.save().then(() => true)`);
  await page.evaluate(`${WIDGET}.sessionContext.shutdown().then(() => true)`);
}

/** The cells whose outputs are not those of `expected`, in words. */
export function misplacedOutputs(actual: Notebook, expected: Notebook): string[] {
  return expected.cells.flatMap((cell, index) => {
    const other = actual.cells[index];
    if (cell.type !== "code") return [];
    if (other?.type !== "code" || other.source !== cell.source) return [`cell ${index + 1} is another one in Lab`];
    try {
      assertEquals(essence(other), essence(cell));
      return [];
    } catch (error) {
      return [`cell ${index + 1} (id ${cell.id}): ${(error as Error).message.slice(0, 2000)}`];
    }
  });
}

/** What a cell showed, whatever the order of its streams and displays, and colours: kernels differ in that. */
function essence({ outputs }: CodeCell): unknown {
  const stream = (name: string) =>
    outputs.flatMap((output) => output.type === "stream" && output.name === name ? [output.text] : []).join("");
  const shown = outputs.flatMap((output) => "data" in output ? [withoutColors(output.data)] : []);
  const errors = outputs.flatMap((output) => output.type === "error" ? [`${output.name}: ${output.message}`] : []);
  return { stdout: stream("stdout"), stderr: stream("stderr"), shown, errors };
}

function withoutColors(data: DisplayOutput["data"]): unknown {
  const text = data["text/plain"];
  return typeof text === "string" ? { ...data, "text/plain": stripVTControlCharacters(text) } : data;
}

/** A chart in the page. */
export interface DrawnChart {
  /** From 0, among all cells. */
  readonly cell: number;
  readonly width: number;
  readonly height: number;
  /** How many colours it has: a blank one has one. */
  readonly colors: number;
}

/** The Vega charts that the page shows, with the cell they are under. */
export function drawnCharts(page: Page): Promise<DrawnChart[]> {
  return page.evaluate(`[...document.querySelectorAll(".jp-Notebook .jp-Cell")].flatMap((cell, index) =>
    [...cell.querySelectorAll(".vega-embed canvas, .vega-embed svg.marks")].map((chart) => {
      const box = chart.getBoundingClientRect();
      const size = { cell: index, width: box.width, height: box.height };
      if (chart.tagName !== "CANVAS") {
        return { ...size, colours: new Set([...chart.querySelectorAll("[fill]")].map((one) => one.getAttribute("fill"))).size };
      }
      const pixels = chart.getContext("2d").getImageData(0, 0, chart.width, chart.height).data;
      return { ...size, colours: new Set(new Uint32Array(pixels.buffer)).size };
    }))`);
}

/** Pictures of the notebook from top to bottom. */
export async function* scrollThrough(page: Page): AsyncGenerator<Uint8Array> {
  const panel = `document.querySelector(".jp-WindowedPanel-outer")`;
  const [height, step] = await page.evaluate<[number, number]>(`[${panel}.scrollHeight, ${panel}.clientHeight]`);
  for (let top = 0; top < height; top += step) {
    await page.evaluate(`${panel}.scrollTo(0, ${top})`);
    await new Promise((done) => setTimeout(done, 300));
    yield await page.screenshot();
  }
}
