import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { DISPLAY, retentionText, saveFigure } from "kvmirror/report";
import { pngPixels } from "../../fixtures/png_pixels.ts";
import { withFolder } from "../../fixtures/with_folder.ts";

const draw = (tokens: [string, number][], width?: number) =>
  retentionText({
    title: "What stays",
    texts: [{ name: "hybrid", tokens: tokens.map(([text, retention]) => ({ text, retention })) }],
    width,
  });

/** The text of elements that are drawn as tokens, without the legend's five. */
const svgTokens = (svg: string) =>
  [...svg.matchAll(/<g><title>(tokens? [^<]*)<\/title>(.*?)<\/g>/g)].map(([, title, drawn]) => ({ title, drawn }));

/** What a page's text says once its tags are gone, marks of line ends among them. */
const htmlText = (html: string) =>
  html.match(/<p class="text">([^]*?)<\/p>/)![1].replaceAll(/<i>¶<\/i>/g, "").replaceAll(/<[^>]*>/g, "")
    .replaceAll(/&#(\d+);/g, (_, code) => String.fromCharCode(code));

Deno.test("a token is colored by its share, underlined as long as it, and struck out where no head holds it", () => {
  const { svg, html } = draw([["Call", 1], [" me", 0], [" Ishmael", 0.5]]);
  const [call, me, ishmael] = svgTokens(svg);
  assertEquals(call.title, "token 0: held by 100.0 % of kv heads");
  assertStringIncludes(call.drawn, `fill="#fde725"`);
  assertStringIncludes(me.drawn, `fill="#440154"`);
  const bars = [call, me, ishmael].map(({ drawn }) =>
    [...drawn.matchAll(/<rect x="[\d.]+" y="([\d.]+)" width="([\d.]+)" height="(\d+)"/g)].map((match) =>
      match.slice(1).map(Number)
    )
  );
  assertEquals(bars[0][1].slice(1), [bars[0][0][1], 2], "a whole line under what every head holds");
  assertEquals(bars[1][1][2], 1, "struck out");
  assert(bars[1][1][0] < bars[0][1][0], "higher than a line under the letters");
  assert(Math.abs(bars[2][1][1] - bars[2][0][1] / 2) < 0.01, "half a line");
  assertMatch(html, /title="token 1: held by 0\.0 % of kv heads"> me</);
  assertMatch(html, /line-through/);
  assertEquals(htmlText(html), "Call me Ishmael");
});

Deno.test("what could be markup is escaped, what cannot be seen is spelled", () => {
  const { svg, html, description } = retentionText({
    title: `<b>"T" & 'x'</b>\u0000`,
    texts: [{
      name: "<i>",
      tokens: [`</text><script>alert("1")</script>`, "&amp;", "'", "\u0007", "\u202e", "\ud800", "\r", "\t\uffff"]
        .map((text) => ({ text, retention: 0.5 })),
    }],
  });
  for (const form of [svg, html]) {
    assert(!/<script|<b>|<i>[^¶]|&amp;/.test(form.replaceAll("&#38;amp;", "")), form);
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x09\x0b-\x1f\u202e\ud800-\udfff\uffff]/.test(form));
    for (const spelled of ["\\x07", "\\u202e", "\ufffd", "\\r", "\\t\\uffff", "&#60;/text&#62;&#60;script&#62;"]) {
      assertStringIncludes(form, spelled);
    }
  }
  assertStringIncludes(description, "<i> 50.0 %");
});

Deno.test("lines end where the text's do, and spaces alone are seen", () => {
  const { svg, html } = draw([["One", 1], [".\n\n", 0.5], ["Two", 1], ["   ", 0.25], ["three\n", 1]]);
  assertEquals(svgTokens(svg).map(({ title }) => title[6]), ["0", "1", "1", "2", "3", "4"]);
  const tops = svgTokens(svg).map(({ drawn }) => Number(drawn.match(/y="(\d+)"/)![1]));
  const line = tops[2] - tops[1];
  assertEquals(tops.map((top) => (top - tops[0]) / line), [0, 0, 1, 2, 2, 2]);
  assertStringIncludes(svg, ">···<");
  assertEquals(htmlText(html), "One.\n\nTwo···three\n");
});

Deno.test("tokens that spell a character together are one piece, with the mean of their shares", () => {
  const { svg } = draw([["A", 1], ["", 0], ["", 0.5], ["🙂", 1], ["B", 0]]);
  assertEquals(svgTokens(svg).map(({ title }) => title), [
    "token 0: held by 100.0 % of kv heads",
    "tokens 1 to 3: held by 50.0 % of kv heads",
    "token 4: held by 0.0 % of kv heads",
  ]);
});

Deno.test("no token leaves the picture, none lies on another, and none is lost, whatever the text", () => {
  const text = fc.string({ unit: "binary", minLength: 1, maxLength: 60 });
  const token = fc.tuple(
    fc.oneof(text, fc.constantFrom(" the", "\n", "  ", "x".repeat(200))),
    fc.double({ min: 0, max: 1, noNaN: true }),
  );
  fc.assert(
    fc.property(
      fc.array(token, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 200, max: 800 }),
      (tokens, width) => {
        const { svg } = draw(tokens, width);
        const height = Number(svg.match(/ height="(\d+)"/)![1]);
        const boxes = svgTokens(svg).map(({ title, drawn }) => {
          const [x, y, w, h] = drawn.match(/<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/)!.slice(
            1,
          )
            .map(Number);
          assert(x >= 12 && x + w <= width + 12.01 && y + h <= height, `${x} + ${w} of ${width}`);
          return { title, x, y, w };
        });
        for (let index = 1; index < boxes.length; index++) {
          const [before, after] = [boxes[index - 1], boxes[index]];
          assert(after.y > before.y || (after.y === before.y && after.x >= before.x + before.w - 0.02));
        }
        assertEquals(new Set(boxes.map(({ title }) => title)).size, tokens.length);
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("the same texts are the same bytes, and nothing is fetched", async () => {
  const tokens: [string, number][] = [["Call", 1], [" me", 0]];
  const [one, other] = [draw(tokens), draw(tokens)];
  assertEquals([one.svg, one.html], [other.svg, other.html]);
  assertEquals(one.png, other.png);
  for (const form of [one.svg.replace("http://www.w3.org/2000/svg", ""), one.html]) {
    assert(!/https?:|url\(|@import|<link|<script|src=/.test(form));
  }
  const { width, height } = await pngPixels(one.png);
  assertEquals([width, height], one.svg.match(/viewBox="0 0 (\d+) (\d+)"/)!.slice(1).map((size) => 2 * Number(size)));
});

Deno.test("a notebook shows it, and a report takes it as a figure", async () => {
  const picture = draw([["Call", 1], [" me", 0]]);
  assertEquals(Object.keys(picture[DISPLAY]()), ["image/png", "text/plain"]);
  assertEquals(picture.description, "What stays. Rows kept: hybrid 50.0 %.");
  await withFolder(async (_, folder) => {
    assertEquals(
      await saveFigure(`${folder}/figures`, "kept", picture),
      "![What stays. Rows kept: hybrid 50.0 %.](figures/kept.png)\n",
    );
    assertEquals(await Deno.readTextFile(`${folder}/figures/kept.svg`), picture.svg);
    assertEquals(await Deno.readFile(`${folder}/figures/kept.png`), picture.png);
  });
});

Deno.test("no text, an empty one, a share that is none and a width for nothing are refused", () => {
  assertThrows(() => retentionText({ title: "T", texts: [] }), RangeError, "Cannot color 0 texts");
  assertThrows(() => draw([]), RangeError, "Cannot color a text of 0 tokens");
  assertThrows(() => draw([["", 1], ["", 0]]), RangeError, "Cannot color a text of 2 tokens");
  for (const share of [-0.1, 1.1, NaN]) {
    assertThrows(() => draw([["A", 1], ["B", share]]), RangeError, `token 1 by a retention of ${share}`);
  }
  for (const width of [0, 199, NaN]) assertThrows(() => draw([["A", 1]], width), RangeError, `${width} pixels`);
});
