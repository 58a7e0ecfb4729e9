import { assertEquals, assertThrows } from "@std/assert";
import { DISPLAY, fixed, percent, table } from "kvmirror/report";
import pl from "nodejs-polars";

const ROWS = [
  { policy: "recent_window", kept_tokens: 272, saved_bytes: 73924608, recall: 0.9479166, sinks: true },
  { policy: "a|b", kept_tokens: 1024, saved_bytes: 0, recall: null, sinks: false },
];

Deno.test("table writes Markdown with numbers flush right, grouped and rounded", () => {
  assertEquals(
    table(ROWS, { formats: { recall: fixed(2) } }).markdown,
    [
      "| policy | kept tokens | saved bytes | recall | sinks |",
      "| --- | ---: | ---: | ---: | --- |",
      "| recent_window | 272 | 73,924,608 | 0.95 | true |",
      "| a\\|b | 1,024 | 0 | – | false |",
      "",
    ].join("\n"),
  );
});

Deno.test("table shows itself as HTML, Markdown and text, and nothing else", () => {
  const shown = table([{ name: '<b>&"' }], {});
  assertEquals(shown[DISPLAY](), {
    "text/html": '<table>\n<thead><tr><th style="text-align: left">name</th></tr></thead>\n<tbody>\n' +
      '<tr><td style="text-align: left">&#60;b&#62;&#38;&#34;</td></tr>\n</tbody>\n</table>',
    "text/markdown": '| name |\n| --- |\n| \\<b\\>\\&" |\n',
    "text/plain": '| name |\n| --- |\n| \\<b\\>\\&" |\n',
  });
  assertEquals(String(DISPLAY), "Symbol(Jupyter.display)");
});

Deno.test("table takes a Polars DataFrame", () => {
  const frame = pl.DataFrame([{ policy: "b", x: 1 }, { policy: "a", x: 2 }, { policy: "b", x: 4 }])
    .groupBy("policy").agg(pl.col("x").mean().alias("mean"), pl.len().alias("n")).sort("policy");
  assertEquals(table(frame, { formats: { mean: percent(0) } }).rows, [
    { policy: "a", mean: 2, n: 1 },
    { policy: "b", mean: 2.5, n: 2 },
  ]);
});

Deno.test("table refuses 64-bit integers by the column's name, from rows and from Polars", () => {
  const message = "Cannot show column saved as it holds 64-bit integers (BigInt 5): cast it to Float64";
  const source = [{ saved: 5n }] as unknown as [{ saved: number }];
  assertThrows(() => table(source), TypeError, message);
  assertThrows(() => table(pl.DataFrame({ saved: [5n] })), TypeError, message);
});

Deno.test("table refuses objects, stray columns and formats of columns that are not there", () => {
  assertThrows(
    () => table(pl.DataFrame({ when: [new Date(0)] })),
    TypeError,
    "Cannot show column when as it holds Date: give text, numbers or booleans",
  );
  assertThrows(
    () => table([{ a: 1 }, { a: 1, b: 2 }]),
    TypeError,
    "Cannot show column b as the first row lacks it: its columns are a",
  );
  assertThrows(
    () => table([{ a: 1 }], { formats: { b: fixed(1) } }),
    TypeError,
    "Cannot format column b as it is not in the table: its columns are a",
  );
});
