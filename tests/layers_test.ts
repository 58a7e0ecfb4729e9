import { assert, assertEquals, assertThrows } from "@std/assert";
import { importGraph, type Imports, libFiles, packageName } from "./import_graph.ts";
import { arrows, differences, fileCircles, floors, type Room } from "./rooms.ts";

const ROOT = new URL("../", import.meta.url);

/** What runners may know of policies: the interface, budgets and the rules, never a policy. */
const POLICY_INTERFACE = [
  "policies/policy.ts",
  "policies/budget.ts",
  "policies/check_signals.ts",
  "policies/policy_rules.ts",
  "policies/score_once.ts",
  "policies/some_rows.ts",
];
const RUNNERS = ["sim", "engine", "trace"];
const PURE = ["numeric", "metrics", "policies"];
const NATIVE = [
  "onnxruntime-node",
  "nodejs-polars",
  "@resvg/resvg-js",
  "@huggingface/transformers",
  "vega",
  "vega-lite",
];

/** Imports that no plan of rooms allows, in words. */
function forbidden(graph: readonly Imports[]): string[] {
  return graph.flatMap(({ file, files, packages }) => {
    const [top] = file.split("/");
    const outside = files.filter((to) => to.startsWith("../") && !(top === "eval" && to.startsWith("../data/")));
    const policies = RUNNERS.includes(top)
      ? files.filter((to) => to.startsWith("policies/") && !POLICY_INTERFACE.includes(to))
      : [];
    const wrongPackages = packages.filter((name) =>
      name.startsWith("@std/") || name === "kvmirror" ||
      (name === "onnxruntime-node" && !file.startsWith("engine/runtime/")) ||
      (NATIVE.includes(name) && !["engine", "report"].includes(top))
    );
    return [...outside, ...policies, ...wrongPackages].map((to) => `${file} imports ${to}`);
  });
}

Deno.test("lib/ is as planned: rooms use rooms below them, through their doors", async () => {
  const graph = await importGraph();
  assertEquals(differences(graph), []);
  assertEquals(forbidden(graph), []);
  assertEquals(fileCircles(graph), [], "files import each other in a circle");
  floors();
});

Deno.test("lib/mod.ts loads nothing native", async () => {
  const graph = await importGraph();
  const open = new Set(["mod.ts"]);
  for (const file of open) graph.find((imports) => imports.file === file)!.files.forEach((to) => open.add(to));
  const native = graph.filter(({ file, packages }) => open.has(file) && packages.some((name) => NATIVE.includes(name)));
  assertEquals(native.map(({ file }) => file), []);
});

const PLAN: Readonly<Record<string, Room>> = {
  top: { uses: ["top/inner", "base"], door: [] },
  "top/inner": { uses: ["base"], door: ["way.ts"] },
  base: { uses: [], door: ["a.ts"] },
};
const AS_PLANNED: readonly Imports[] = [
  { file: "top/x.ts", files: ["top/inner/way.ts", "base/a.ts"], packages: [] },
  { file: "top/inner/way.ts", files: ["top/inner/own.ts", "base/a.ts"], packages: [] },
];

Deno.test("the plan catches an arrow the wrong way, a window for a door, and what nobody uses", () => {
  const made = (file: string, to: string) => differences([...AS_PLANNED, { file, files: [to], packages: [] }], PLAN);
  assertEquals(differences(AS_PLANNED, PLAN), []);
  assertEquals(made("base/b.ts", "top/x.ts"), ["base/b.ts imports top/x.ts: base does not use top"]);
  assertEquals(made("top/y.ts", "top/inner/own.ts"), ["top/y.ts imports top/inner/own.ts: it is no door of top/inner"]);
  assertEquals(made("other/y.ts", "base/a.ts"), ["other/y.ts imports base/a.ts: (no room) does not use base"]);
  assertEquals(made("top/y.ts", "base/mod.ts"), [], "an entry point is a door");
  assertEquals(made("base/mod.ts", "top/x.ts"), [], "an entry point gathers names");
  assertEquals(differences(AS_PLANNED.slice(0, 1), PLAN), ["no file of top/inner imports from base"]);
  assertEquals(arrows(AS_PLANNED, PLAN).length, 3);
  assertEquals(Object.fromEntries(floors(PLAN)), { base: 1, "top/inner": 2, top: 3 });
  assertThrows(() => floors({ a: { uses: ["b"] }, b: { uses: ["a"] } }), RangeError, "a → b → a");
});

Deno.test("circles of files are found", () => {
  const made = (files: Record<string, string[]>) =>
    fileCircles(Object.entries(files).map(([file, to]) => ({ file, files: to, packages: [] })));
  assertEquals(made({ a: ["b", "c"], b: ["c"], c: [] }), []);
  assertEquals(made({ a: ["b"], b: ["c"], c: ["a"], d: ["a"] }), [["a", "b", "c"]]);
  assertEquals(made({ a: ["b"], b: ["a"], c: ["d"], d: ["c"] }), [["a", "b"], ["c", "d"]]);
});

Deno.test("the rules catch what no room may import", () => {
  const made = (file: string, files: string[], packages: string[] = []) => forbidden([{ file, files, packages }]);
  assertEquals(made("sim/a.ts", ["policies/hybrid.ts"]).length, 1);
  assertEquals(made("sim/a.ts", ["policies/policy.ts", "metrics/recall.ts"]).length, 0);
  assertEquals(made("engine/a.ts", ["policies/mod.ts"]).length, 1);
  assertEquals(made("engine/cache/a.ts", [], ["onnxruntime-node"]).length, 1);
  assertEquals(made("engine/runtime/a.ts", [], ["onnxruntime-node"]).length, 0);
  assertEquals(made("engine/a.ts", ["../data/words.json"]).length, 1);
  assertEquals(made("eval/dataset/a.ts", ["../data/words.json"]).length, 0);
  assertEquals(made("eval/a.ts", [], ["@std/assert"]).length, 1);
  assertEquals(made("sim/a.ts", [], ["kvmirror"]).length, 1, "lib imports itself by path, so that arrows are seen");
  assertEquals(made("engine/a.ts", ["../tasks/cli/flags.ts"]), ["engine/a.ts imports ../tasks/cli/flags.ts"]);
  assertEquals(
    ["npm:onnxruntime-node@1.30.0", "npm:/@std/x@1/y.js", "@std/assert", "vega", "node:fs"].map(packageName),
    ["onnxruntime-node", "@std/x", "@std/assert", "vega", "node:fs"],
  );
});

Deno.test("numeric, policies and metrics touch no Deno API; lib prints nothing", () => {
  for (const file of libFiles()) {
    const text = Deno.readTextFileSync(new URL(`lib/${file}`, ROOT));
    const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    if (PURE.includes(file.split("/")[0])) assert(!/\bDeno\./.test(code), `${file} uses Deno.*`);
    assert(!/\bconsole\./.test(code), `${file} prints`);
  }
});
