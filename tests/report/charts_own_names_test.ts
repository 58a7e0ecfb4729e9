import { assert, assertEquals } from "@std/assert";
import { intervalChart, table } from "kvmirror/report";
import { heatMaps } from "../../lib/report/charts/heat_map.ts";

/** What every object has, as a task or a policy may be called. */
const NAMES = Object.getOwnPropertyNames(Object.prototype);

Deno.test("names that every object has are drawn like others: as facets, on axes, as series, as columns", async () => {
  const rows = NAMES.map((name, index) => ({ name, x: index, low: index - 1, high: index + 1, other: "toString" }));
  const marks = { x: "x", y: "name", low: "low", high: "high", series: "other" };
  const intervals = await intervalChart({ rows, ...marks, title: "constructor", description: "valueOf" });
  const cells = NAMES.map((name) => ({ facet: name, x: "valueOf", y: "constructor", value: 0.5 }));
  const words = { title: "t", description: "d" };
  const maps = await heatMaps({
    rows: cells,
    facet: "facet",
    x: "x",
    y: "y",
    value: "value",
    label: ".1f",
    columns: 4,
    ...words,
  });
  for (const { svg } of [intervals, maps]) for (const name of NAMES) assert(svg.includes(`>${name}`), name);
});

Deno.test("a column that every object has is written as it is", () => {
  assertEquals(table([{ constructor: 3, toString: "x" }]).markdown.split("\n")[2], "| 3 | x |");
});
