import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { barChart, type Chart, chart, DISPLAY, heatMap, intervalChart, lineChart, pointChart } from "kvmirror/report";
import { OKABE_ITO } from "../../../lib/report/render/palette.ts";
import { renderPng } from "../../../lib/report/render/render_png.ts";
import { pngPixels } from "../../fixtures/png_pixels.ts";

const ROWS = ["keep_all", "recent_window", "hybrid"].flatMap((policy, index) =>
  [1024, 2048].map((length) => ({
    policy,
    length,
    recall: 1 / (1 + index),
    low: 0.2,
    high: 1,
    kind: `${length} tokens`,
  }))
);
const TEXT = { title: "Recall", description: "Recall of three policies." };

/** Every kind of chart, and one whose SVG has numbered definitions: a gradient and a clip path. */
const CHARTS: Readonly<Record<string, () => Promise<Chart>>> = {
  line: () => lineChart({ rows: ROWS, x: "length", y: "recall", series: "policy", ...TEXT }),
  bar: () => barChart({ rows: ROWS.slice(0, 1), x: "recall", y: "policy", label: ".2f", ...TEXT }),
  heat: () => heatMap({ rows: ROWS, x: "length", y: "policy", value: "recall", ...TEXT }),
  numbers: () => heatMap({ rows: ROWS, x: "length", y: "policy", value: "recall", label: ".2f", ...TEXT }),
  interval: () =>
    intervalChart({ rows: ROWS, x: "recall", y: "policy", low: "low", high: "high", series: "kind", ...TEXT }),
  points: () => pointChart({ rows: ROWS, x: "length", y: "recall", series: "policy", ...TEXT }),
  clipped: () =>
    chart({
      description: "A clipped line.",
      data: { values: ROWS },
      mark: { type: "line", clip: true },
      encoding: { x: { field: "length", type: "quantitative" }, y: { field: "recall", type: "quantitative" } },
    }),
};

Deno.test("a heat map with numbers names every column, however many are as long as the longest", async () => {
  const tasks = ["single_2@1024", "multikey_1@1024", "multiquery@1024", "single_2@2048"];
  const rows = tasks.map((task) => ({ task, policy: "keep_all", score: 1 }));
  const { svg } = await heatMap({ rows, x: "task", y: "policy", value: "score", label: ".2f", ...TEXT });
  const shown = (task: string) =>
    [...svg.matchAll(/<text([^>]*)>([^<]*)</g)].some(([, attributes, text]) =>
      text === task && !/opacity="0"/.test(attributes)
    );
  assertEquals(tasks.filter(shown), tasks);
});

Deno.test("a chart is the same bytes whatever was drawn before it or beside it", async () => {
  const names = Object.keys(CHARTS);
  const alone: Chart[] = [];
  for (const name of names) alone.push(await CHARTS[name]());
  const reversed = (await Promise.all(names.toReversed().map((name) => CHARTS[name]()))).toReversed();
  for (const [index, name] of names.entries()) {
    assertEquals(reversed[index].svg, alone[index].svg, name);
    assertEquals(reversed[index].png, alone[index].png, name);
    assertEquals(reversed[index][DISPLAY](), alone[index][DISPLAY](), name);
  }
  assert(names.some((_, index) => /url\(#/.test(alone[index].svg)), "no chart here has a numbered definition");
});

Deno.test("a chart shows itself as Vega-Lite 5, PNG and its description, never as HTML", async () => {
  for (const [name, draw] of Object.entries(CHARTS)) {
    const drawn = await draw();
    const bundle = drawn[DISPLAY]();
    assertEquals(Object.keys(bundle), ["application/vnd.vegalite.v5+json", "image/png", "text/plain"], name);
    assertEquals(JSON.parse(JSON.stringify(drawn.specification)), drawn.specification, name);
    assertEquals(bundle["text/plain"], drawn.description, name);
    assertEquals(Uint8Array.fromBase64(bundle["image/png"] as string), drawn.png, name);
  }
});

Deno.test("the text of a PNG is really drawn, from our own font", async () => {
  for (const [name, draw] of Object.entries(CHARTS)) {
    const { svg } = await draw();
    const wordless = svg.replaceAll(/<text.*?<\/text>/gs, "");
    const texts = svg.match(/<text/g)!.length;
    const [full, blank] = await Promise.all([pngPixels(renderPng(svg)), pngPixels(renderPng(wordless))]);
    assertEquals([full.width, full.height], [blank.width, blank.height]);
    let different = 0;
    for (let at = 0; at < full.rgba.length; at += 4) if (full.rgba[at] !== blank.rgba[at]) different++;
    // A digit of 12 pixels' height has well over 30 inked pixels at twice the size.
    assert(different > 30 * texts, `${name}: ${different} pixels differ for ${texts} texts`);
  }
});

Deno.test("series are drawn in Okabe and Ito's colors, in shapes and dashes of their own", async () => {
  const { svg } = await CHARTS.line();
  for (const color of OKABE_ITO.slice(0, 3)) assert(svg.includes(`stroke="${color}"`), color);
  const lines = [...svg.matchAll(/aria-roledescription="line mark"[^>]*>/g)].map(String);
  assertEquals(lines.length, 3);
  assertEquals(new Set(lines.map((line) => line.match(/stroke-dasharray="[^"]*"/)?.[0])).size, 3);
  const points = [...svg.matchAll(/aria-roledescription="point" [^>]*? d="([^"]*)"/g)].map(([, path]) => path);
  assertEquals([points.length, new Set(points).size], [6, 3]);
});

Deno.test("a chart without a description is refused", async () => {
  for (const description of ["", "  ", undefined as unknown as string]) {
    await assertRejects(
      () => chart({ description, mark: "point" }),
      TypeError,
      "Cannot draw a chart without a description",
    );
  }
});

Deno.test("a chart that Vega would draw only in part is refused, and the next one is drawn", async () => {
  const encoding = { x: { field: "recall", type: "quantitative", scale: { type: "log", zero: true } } };
  await assertRejects(
    () => chart({ description: "Zero on a log scale.", data: { values: ROWS }, mark: "point", encoding }),
    TypeError,
    "Cannot draw the chart as specified",
  );
  assertNotEquals((await CHARTS.bar()).png.length, 0);
});

Deno.test("a chart of no rows, of a missing column or of 64-bit integers is refused by name", () => {
  const draw = (rows: typeof ROWS) => () => barChart({ rows, x: "recall", y: "policy", label: ".2f", ...TEXT });
  assertThrows(draw([]), RangeError, "Cannot draw a chart of 0 rows");
  assertThrows(
    () => barChart({ rows: ROWS, x: "recal", y: "policy", label: ".2f", ...TEXT }),
    TypeError,
    "Cannot draw column recal as the rows lack it",
  );
  assertThrows(draw([{ ...ROWS[0], recall: 1n as unknown as number }]), TypeError, "Cannot show column recall");
});
