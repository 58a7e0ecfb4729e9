import { assert, assertEquals, assertMatch } from "@std/assert";
import { siteFiles } from "../../../lib/report/site/site_files.ts";
import { findChromium, type Page, startChromium } from "../../browser/chromium.ts";

const SITE = new URL("../../../reports/site/", import.meta.url);
const WIDE = { width: 1200, height: 900 };
const PHONE = { width: 400, height: 800 };

const executable = await findChromium();
const reason = "there is no Chromium on the PATH: on Debian, apt-get install chromium";
if (executable === undefined) console.log(`the site's pages are not opened, as ${reason}`);

/** The pages of the committed site. */
const PAGES = [...Deno.readDirSync(SITE)].map(({ name }) => name).filter((name) => name.endsWith(".html")).sort();

function browserTest(name: string, body: (page: Page) => Promise<void>): void {
  Deno.test({
    name,
    ignore: executable === undefined,
    fn: async () => {
      await using page = await startChromium(executable!);
      await body(page);
      assertEquals(page.problems, []);
    },
  });
}

async function open(page: Page, file: string): Promise<void> {
  await page.open(new URL(file, SITE).href);
  const name = JSON.stringify(`/${file}`);
  await page.waitUntil(`location.pathname.endsWith(${name}) && document.readyState === "complete"`, file, 20_000);
}

browserTest(`${PAGES.length} pages open without an error, and no page scrolls sideways`, async (page) => {
  for (const view of [WIDE, PHONE]) {
    await page.setView(view);
    for (const file of PAGES) {
      await open(page, file);
      const [content, window] = await page.evaluate<[number, number]>(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
      );
      assert(content <= window, `${file} is ${content} pixels wide in a window of ${window}`);
      assertEquals(page.problems, [], file);
    }
  }
});

browserTest("the summary takes 20 screens at most", async (page) => {
  await page.setView(WIDE);
  await open(page, "summary.html");
  const screens = await page.evaluate<number>(`document.documentElement.scrollHeight / ${WIDE.height}`);
  assert(screens <= 20, `${screens} screens`);
});

browserTest("every text is 12 pixels high or more, on a phone as well", async (page) => {
  await page.setView(PHONE);
  for (const file of ["index.html", "leaderboard.html", "04_policies.html"]) {
    await open(page, file);
    const least = await page.evaluate<number>(`Math.min(...[...document.querySelectorAll("main *")]
      .filter((one) => one.checkVisibility() && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
      .map((one) => parseFloat(getComputedStyle(one).fontSize)))`);
    assert(least >= 12, `${file} has letters of ${least} pixels`);
  }
});

browserTest(
  "a phone's charts: letters of 12 pixels, line charts within the window, their titles above them",
  async (page) => {
    await page.setView({ ...PHONE, height: 20_000 });
    await open(page, "08_streaming.html");
    await page.waitUntil(`document.querySelectorAll(".chart:not([data-live])").length === 0`, "live charts", 30_000);
    const charts = await page.evaluate<{ letters: number; box: number; svg: number; title: boolean }[]>(`
    [...document.querySelectorAll(".chart svg.marks")].map((svg) => {
      const zoom = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
      return {
        letters: Math.min(...[...svg.querySelectorAll("text")].map((one) => zoom * parseFloat(getComputedStyle(one).fontSize))),
        box: svg.closest(".scroll").clientWidth,
        svg: svg.getBoundingClientRect().width,
        title: svg.closest("figure").querySelector("figcaption").getBoundingClientRect().height > 10,
      };
    })`);
    assertEquals(charts.length, 2);
    for (const { letters, box, svg, title } of charts) {
      assert(letters >= 11.99 && svg <= box && title, JSON.stringify({ letters, box, svg, title }));
    }
  },
);

const FIRST = `[...document.querySelectorAll("#leaderboard tbody tr")].filter((row) => !row.hidden)`;
const COLUMN = (index: number): string => `${FIRST}.map((row) => row.cells[${index}].textContent)`;

browserTest(
  "the leaderboard opens on a list of equal bytes, sorts by mouse and keyboard, and filters",
  async (page) => {
    await page.setView(WIDE);
    await open(page, "leaderboard.html");
    const bytes = (await page.evaluate<string[]>(COLUMN(4))).map(parseFloat);
    assert(bytes.length > 10 && bytes.every((share) => share > 47 && share < 53), `${bytes}`);
    const scores = async () => (await page.evaluate<string[]>(COLUMN(1))).map(Number);
    assertEquals(await scores(), (await scores()).toSorted((one, other) => other - one));
    await page.click("#leaderboard th button", "score");
    assertEquals(await scores(), (await scores()).toSorted((one, other) => one - other));
    assertEquals(await page.evaluate(`document.querySelectorAll("#leaderboard th")[1].ariaSort`), "ascending");
    await page.evaluate(`document.querySelector("#leaderboard th button").focus()`);
    await page.press("Enter");
    const policies = await page.evaluate<string[]>(COLUMN(0));
    assertEquals(policies, policies.toSorted((one, other) => one.localeCompare(other, "en")));
    await page.press("Tab");
    assertEquals(await page.evaluate("document.activeElement.textContent.trim()"), "score");
    const ring = await page.evaluate(`getComputedStyle(document.activeElement).outlineStyle`);
    assertEquals(ring, "solid", "the focus is seen");
    await page.click("#filters button", "Show all");
    await page.waitUntil(
      `${FIRST}.length === document.querySelectorAll("#leaderboard tbody tr").length`,
      "all rows",
      5000,
    );
    await page.evaluate(`(() => {
    const model = document.getElementById("filter-model");
    model.value = "qwen2.5-coder-0.5b";
    model.dispatchEvent(new Event("input", { bubbles: true }));
  })()`);
    assertEquals([...new Set(await page.evaluate<string[]>(COLUMN(8)))], ["qwen2.5-coder-0.5b"]);
    assertMatch(await page.evaluate<string>(`document.getElementById("count").textContent`), /^\d+ of \d+ rows$/);
  },
);

browserTest("every chart of a notebook lives, and tells its numbers under the mouse", async (page) => {
  await page.setView({ width: 1200, height: 20_000 });
  await open(page, "04_policies.html");
  await page.waitUntil(`document.querySelectorAll(".chart:not([data-live])").length === 0`, "live charts", 30_000);
  assertEquals(await page.evaluate(`document.querySelectorAll(".chart svg.marks").length`), 3);
  await page.hover(".chart .mark-symbol path");
  await page.waitUntil(`document.querySelector("#vg-tooltip-element.visible")`, "a tooltip", 10_000);
  const tooltip = await page.evaluate<string>(`document.querySelector("#vg-tooltip-element").textContent`);
  assertMatch(tooltip, /policy/);
  assertMatch(tooltip, /0\.\d|1/);
});

browserTest("without scripts texts, pictures and tables are there", async (page) => {
  await page.setView({ ...WIDE, scripts: "off" });
  const seen = (selector: string) =>
    page.evaluate<number>(`[...document.querySelectorAll(${JSON.stringify(selector)})]
      .filter((one) => one.checkVisibility()).length`);
  await open(page, "leaderboard.html");
  assert(await seen("#leaderboard tbody tr") > 300);
  assertEquals([await seen("#filters"), await seen("#leaderboard svg.interval") > 300], [0, true]);
  await open(page, "04_policies.html");
  assertEquals(await seen(".chart img"), 3);
  assert(await seen("main p") > 10 && await seen("main table") > 5);
  await open(page, "index.html");
  assert(await seen(".headlines li") >= 3 && await seen(".finding") >= 8);
});

browserTest("text of a notebook that would be HTML, a script or a link elsewhere stays text", async (page) => {
  const evil = `<img src=x onerror="globalThis.evil=1"><script>globalThis.evil=1</script>[a](javascript:evil=1)`;
  const source = { metadata: {} };
  const data = { "text/html": evil, "text/markdown": `${evil} ![b](data:text/html,x)`, "text/plain": evil };
  const chart = {
    "application/vnd.vegalite.v5+json": {
      description: `</script>${evil}`,
      title: `</script>${evil}`,
      data: { values: [{ a: `</script>${evil}`, b: 1 }] },
      mark: "bar",
      encoding: { x: { field: "b", type: "quantitative" }, y: { field: "a", type: "nominal" } },
    },
  };
  const outputs = [
    { type: "result", data, metadata: {} },
    { type: "result", data: { "text/plain": evil }, metadata: {} },
    { type: "stream", name: "stdout", text: evil },
    { type: "error", name: evil, message: evil, traceback: [] },
    { type: "display", data: chart, metadata: {} },
  ] as const;
  const cells = [
    {
      type: "markdown",
      id: "a",
      source: `# ${evil}\n\n${evil}\n\n<details><summary>${evil}</summary>\n\nx\n\n</details>`,
      ...source,
    },
    { type: "code", id: "b", source: evil, executionCount: 1, outputs, ...source },
  ] as const;
  const row = { policy: `keep_all`, compression_ratio: 0, task: evil, index: 0, context: 0, score: 1 };
  const files = await siteFiles({
    notebooks: [{ name: "00_evil", notebook: { cells, metadata: {} } }],
    documents: new Map([["benchmark_summary.md", `<!-- begin a -->\n## ${evil}\n\n**${evil}**\n<!-- end a -->\n`]]),
    figures: new Map(),
    readme: `- **${evil}** ${evil}\n`,
    runs: [{
      notebook: "00_evil",
      model: evil,
      weights: evil,
      samples: [{ ...row, kl: [], agreement: [], answer_tokens: 1, live_bytes: 2 }],
    }],
    root: "../",
  });
  const folder = await Deno.makeTempDir({ prefix: "kvmirror-test-" });
  try {
    for (const path of ["assets", "vendor", "pictures"]) await Deno.mkdir(`${folder}/${path}`);
    for (const [path, content] of files) {
      await Deno.writeFile(
        `${folder}/${path}`,
        typeof content === "string" ? new TextEncoder().encode(content) : content,
      );
    }
    for (const file of [...files.keys()].filter((path) => path.endsWith(".html"))) {
      await page.open(`file://${folder}/${file}`);
      await page.waitUntil(
        `location.pathname.endsWith("/${file}") && document.readyState === "complete"`,
        file,
        20_000,
      );
      if (file === "00_evil.html") {
        await page.waitUntil(`document.querySelector(".chart svg.marks")`, "the chart", 20_000);
      }
      const found = `[globalThis.evil ?? 0, document.querySelectorAll("[onerror], [href^=javascript]").length]`;
      assertEquals(await page.evaluate(found), [0, 0], file);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
