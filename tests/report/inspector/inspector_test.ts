import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { encodeInspection, type InspectedFrame, type Inspection, parseInspection } from "kvmirror";
import { DISPLAY, inspector } from "kvmirror/report";
import { findChromium, type Page, startChromium } from "../../browser/chromium.ts";
import { withFolder } from "../../fixtures/with_folder.ts";

/** Two policies at two ratios, one of them over time as well: two layers of two kv heads, twelve tokens. */
const TOKENS = ["Call", " me", " Ish", "mael", ".\n", "Some", " years", " ago", " never", " mind", " how", " long"];
const ALL = [...TOKENS.keys()];
const HALF = [1, 3, 5, 7, 9, 11];
const frame = (compressionRatio: number, heads: number[][], answer?: string): InspectedFrame => ({
  tokens: TOKENS.length,
  compressionRatio,
  kept: [heads.slice(0, 2), heads.slice(2)],
  liveBytes: 64 * heads.flat().length,
  answer,
});
const INSPECTION: Inspection = {
  model: "made up",
  question: "What shall you call me?",
  tokens: TOKENS,
  tracks: [
    {
      policy: "even",
      along: "ratio",
      frames: [frame(0, [ALL, ALL, ALL, ALL], "Ishmael"), frame(0.5, [HALF, HALF, HALF, HALF], "Ish")],
    },
    {
      policy: "odd",
      along: "ratio",
      frames: [frame(0, [ALL, ALL, ALL, ALL], "Ishmael"), frame(0.5, [ALL, ALL, [], []], "Ahab")],
    },
    {
      policy: "newest",
      along: "tokens",
      frames: [4, 8, 12].map((tokens) => ({ tokens, kept: [[[tokens - 2, tokens - 1], [tokens - 1]], [[], [0]]] })),
    },
  ],
  notes: ["odd cannot be bounded"],
};

Deno.test("an inspection comes back from its JSON, equal bitmaps are written once, and damage is named", () => {
  const text = encodeInspection(INSPECTION);
  const back = parseInspection(text);
  const plain = (value: unknown) => JSON.parse(JSON.stringify(value));
  assertEquals(plain(back), plain(INSPECTION));
  assertEquals(encodeInspection(back), text);
  const { bitmaps } = JSON.parse(text);
  assertEquals(new Set(bitmaps).size, bitmaps.length);
  const wrong: [(json: Record<string, unknown>) => void, ErrorConstructor, RegExp][] = [
    [(json) => json.format = "other", SyntaxError, /format "kvmirror inspection 1"/],
    [(json) => json.layers = 0, SyntaxError, /layers and kv_heads/],
    [(json) => json.tokens = [], SyntaxError, /tokens/],
    [(json) => json.tokens = ["a"], RangeError, /12 tokens as the text has 1/],
    [(json) => json.bitmaps = [], SyntaxError, /kept bitmaps/],
    [(json) => json.bitmaps = (json.bitmaps as string[]).map(() => "////"), RangeError, /position \d+ of layer/],
    [(json) => json.layers = 3, SyntaxError, /has 4 bitmaps/],
    [(json) => json.tracks = [], SyntaxError, /tracks/],
    [(json) => json.tracks = [{ policy: "a", along: "day", frames: [{}] }], SyntaxError, /ratio or tokens/],
    [(json) => json.tracks = [{ policy: "a", along: "ratio", frames: [] }], SyntaxError, /frames/],
  ];
  for (const [damage, kind, message] of wrong) {
    const json = JSON.parse(text);
    damage(json);
    assertMatch(assertThrows(() => parseInspection(JSON.stringify(json)), kind).message, message);
  }
  assertThrows(() => parseInspection("no"), SyntaxError, "no JSON");
  const others = {
    ...INSPECTION,
    tracks: [INSPECTION.tracks[0], { ...INSPECTION.tracks[1], frames: [{ tokens: 1, kept: [[[0]]] }] }],
  };
  assertThrows(() => encodeInspection(others), RangeError, "all must be alike");
  assertThrows(() => inspector({ tokens: ["a"], tracks: [] }), RangeError, "0 policies");
});

Deno.test("a notebook shows the page in a frame of its own, and says in words what it is", () => {
  const bundle = inspector(INSPECTION)[DISPLAY]();
  assertEquals(bundle["text/plain"], "What even, odd, newest keep of 12 tokens");
  assertMatch(String(bundle["text/html"]), /^<iframe title="[^"]+" srcdoc="[^"]+" sandbox="allow-scripts"/);
});

const executable = await findChromium();
if (executable === undefined) console.log("the inspector is not opened, as there is no Chromium on the PATH");

function browserTest(
  name: string,
  inspection: Inspection,
  body: (page: Page, open: () => Promise<void>) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: executable === undefined,
    fn: () =>
      withFolder(async (path) => {
        await Deno.writeTextFile(path("page.html"), inspector(inspection).html);
        await using page = await startChromium(executable!);
        await body(page, async () => {
          await page.open(`file://${path("page.html")}`);
          await page.waitUntil(`location.protocol === "file:" && document.readyState === "complete"`, "page", 60_000);
        });
        assertEquals(page.problems, []);
      }),
  });
}

const textOf = (page: Page, selector: string): Promise<string> =>
  page.evaluate(`document.querySelector(${JSON.stringify(selector)}).textContent`);
/** For each panel that is seen, the classes of its grid: `h` held, `g` gone, `u` unread, head by head. */
const grids = (page: Page): Promise<string[]> =>
  page.evaluate(`[...document.querySelectorAll(".panel:not([hidden]) .grid")].map((grid) =>
    [...grid.querySelectorAll("i")].map((cell) => cell.className[0]).join(""))`);
const slide = (page: Page, value: number): Promise<void> =>
  page.evaluate(`(() => { const slider = document.getElementById("moment"); slider.value = ${value};
    slider.dispatchEvent(new Event("input")); })()`);

browserTest(
  "the slider changes grid, texts and answers; arrow keys and the mouse move from token to token",
  INSPECTION,
  async (page, open) => {
    await page.setView({ width: 1200, height: 900 });
    await open();
    // It opens at half, at the first token of the answer's name.
    assertEquals(await textOf(page, "#token span"), "Token 3 of 12: “Ish”");
    // A row a kv head: odd holds all in layer 0 and nothing in layer 1.
    assertEquals(await grids(page), ["gggg", "hghg"]);
    assertEquals(
      await page.evaluate(`[...document.querySelectorAll(".panel:not([hidden]) q")].map((q) => q.textContent)`),
      ["Ish", "Ahab"],
    );
    await slide(page, 0);
    assertEquals(await grids(page), ["hhhh", "hhhh"]);
    assertMatch(await textOf(page, ".kept"), /^100\.0 % of 12 tokens' rows, 3\.0 KiB$/);
    assertEquals(await textOf(page, ".panel q"), "Ishmael");
    await slide(page, 1);
    await page.evaluate(`document.querySelector(".text").focus()`);
    await page.press("ArrowRight");
    assertEquals([await textOf(page, "#token span"), await grids(page)], ["Token 4 of 12: “mael”", ["hhhh", "hghg"]]);
    assertEquals(
      await page.evaluate(`document.querySelector(".grid").getAttribute("aria-label")`),
      "held by 4 of 4 kv heads: layers 0, 1",
    );
    await page.press("End");
    assertStringIncludes(
      await textOf(page, "#token"),
      "Token 12 of 12: “long”, held by kv heads: even 4 of 4; odd 2 of 4.",
    );
    await page.press("Home");
    await page.press("ArrowLeft");
    assertEquals(await textOf(page, "#token span"), "Token 1 of 12: “Call”");
    await page.press("ArrowDown");
    assertEquals(await textOf(page, "#token span"), "Token 6 of 12: “Some”");
    await page.hover(".text span:nth-child(9)");
    assertEquals(await textOf(page, "#token span"), "Token 9 of 12: “never”");
    assertEquals(await page.evaluate(`document.querySelectorAll(".panel:not([hidden]) .now").length`), 2);
  },
);

browserTest("over time: what is not read yet says so, and the newest stay", INSPECTION, async (page, open) => {
  await page.setView({ width: 400, height: 800 });
  await open();
  await page.click("#controls label", "over time");
  assertEquals(
    await page.evaluate(
      `[...document.querySelectorAll("h3")].filter((one) => one.checkVisibility()).map((one) => one.textContent)`,
    ),
    ["newest"],
  );
  assertEquals(await textOf(page, "#moment-value"), "12 tokens read");
  await slide(page, 0);
  assertEquals(await textOf(page, "#moment-value"), "4 tokens read");
  const classes = await page.evaluate<string[]>(
    `[...document.querySelectorAll(".panel:not([hidden]) .text span")].map((one) => one.className.split(" ")[0])`,
  );
  assertEquals(classes, ["k2", "k0", "k2", "k4", ...Array(8).fill("u")]);
  await page.evaluate(`document.querySelector(".panel:not([hidden]) .text").focus()`);
  await page.press("ArrowRight");
  assertEquals(await grids(page), ["hghg"]);
  await page.press("End");
  assertEquals(await textOf(page, ".panel:not([hidden]) .held-by"), "not read yet");
});

const EVIL = `</script><script>globalThis.evil=1</script><img src=x onerror="globalThis.evil=1">\u202e`;
const HOSTILE: Inspection = {
  model: EVIL,
  question: EVIL,
  tokens: ["a", EVIL, "<!--", "", "\u0000"],
  tracks: ["ratio", "tokens"].map((along) => ({
    policy: EVIL,
    along: along as "ratio",
    frames: [{ tokens: 5, ...(along === "ratio" && { compressionRatio: 0.5 }), kept: [[[0, 1]]], answer: EVIL }],
  })),
  notes: [EVIL],
};

browserTest(
  "a hostile text, policy, question and answer are shown as text, and nothing of them runs",
  HOSTILE,
  async (page, open) => {
    await page.setView({ width: 400, height: 800 });
    await open();
    await page.click("#controls label", "over time");
    await page.evaluate(`document.querySelector(".panel:not([hidden]) .text").focus()`);
    await page.press("ArrowRight");
    assertStringIncludes(await textOf(page, "#token"), "</script><script>");
    assertEquals(await page.evaluate(`[typeof globalThis.evil, document.images.length, document.scripts.length]`), [
      "undefined",
      0,
      2,
    ]);
    assert(!(await textOf(page, "main")).includes("\u202e"), "what would turn the text around is spelled");
  },
);

browserTest(
  "without scripts texts and tables are there; a phone does not scroll sideways, in either color",
  INSPECTION,
  async (page, open) => {
    for (const scripts of ["on", "off"] as const) {
      for (const colors of ["light", "dark"] as const) {
        await page.setView({ width: 400, height: 800, colors, scripts });
        await open();
        const [content, window] = await page.evaluate<number[]>(
          "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
        );
        assert(content <= window, `${content} pixels in a window of ${window}`);
        const least = await page.evaluate<number>(`Math.min(...[...document.querySelectorAll("main *")]
        .filter((one) => one.checkVisibility() && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
        .map((one) => parseFloat(getComputedStyle(one).fontSize)))`);
        assert(least >= 12, `letters of ${least} pixels`);
        assertEquals(await page.evaluate(`document.getElementById("controls").checkVisibility()`), scripts === "on");
        assertEquals(await page.evaluate(`document.querySelectorAll(".panel:not([hidden]) .text span").length`), 24);
        assertEquals(await page.evaluate(`document.querySelectorAll("table tbody tr").length`), 4 + 2);
      }
    }
  },
);
