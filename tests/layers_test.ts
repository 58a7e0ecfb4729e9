import { assert, assertEquals } from "@std/assert";
import { importGraph, type Imports, libFiles, packageName } from "./import_graph.ts";

const ROOT = new URL("../", import.meta.url);

/** Folders of lib/ and the folders each may import from, its own aside (DESIGN, "Layout"). */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  "": ["numeric", "metrics", "policies", "trace", "sim"],
  numeric: [],
  metrics: ["numeric"],
  policies: ["numeric"],
  trace: ["numeric", "metrics", "policies"],
  sim: ["numeric", "metrics", "policies"],
  engine: ["numeric", "metrics", "policies", "trace"],
  eval: ["numeric", "metrics", "policies", "trace", "sim", "engine"],
  report: ["numeric", "metrics"],
  notebook: [],
};

/** What runners may know of policies: the interface, budgets and the check of needs, never a policy. */
const POLICY_INTERFACE = ["policies/policy.ts", "policies/budget.ts", "policies/check_needs.ts"];
const PURE = ["numeric", "metrics", "policies"];
const NATIVE = [
  "onnxruntime-node",
  "nodejs-polars",
  "@resvg/resvg-js",
  "@huggingface/transformers",
  "vega",
  "vega-lite",
];

/** Every arrow that points the wrong way, in words. */
function wrongArrows(graph: readonly Imports[]): string[] {
  const folder = (file: string) => file.includes("/") ? file.slice(0, file.indexOf("/")) : "";
  return graph.flatMap(({ file, files, packages }) => {
    const own = folder(file);
    const wrongFiles = files.filter((to) => {
      if (folder(to) === own || (own === "eval" && to.startsWith("../data/"))) return false;
      if (!ALLOWED[own]?.includes(folder(to))) return true;
      return ["sim", "engine", "trace"].includes(own) && folder(to) === "policies" && !POLICY_INTERFACE.includes(to);
    });
    const wrongPackages = packages.filter((name) =>
      name.startsWith("@std/") || name === "kvmirror" ||
      (name === "onnxruntime-node" && file !== "engine/session.ts") ||
      (NATIVE.includes(name) && !["engine", "report"].includes(own))
    );
    return [...wrongFiles, ...wrongPackages].map((to) => `${file} imports ${to}`);
  });
}

Deno.test("imports point one way", async () => {
  const graph = await importGraph();
  assertEquals(wrongArrows(graph), []);
  const open = new Set(["mod.ts"]);
  for (const file of open) graph.find((imports) => imports.file === file)!.files.forEach((to) => open.add(to));
  const native = graph.filter(({ file, packages }) => open.has(file) && packages.some((name) => NATIVE.includes(name)));
  assertEquals(native.map(({ file }) => file), [], "lib/mod.ts loads nothing native");
});

Deno.test("the rules catch an arrow the wrong way", () => {
  const made = (file: string, files: string[], packages: string[] = []) => wrongArrows([{ file, files, packages }]);
  assertEquals(made("numeric/a.ts", ["policies/policy.ts"]), ["numeric/a.ts imports policies/policy.ts"]);
  assertEquals(made("sim/a.ts", ["engine/b.ts"]).length, 1);
  assertEquals(made("sim/a.ts", ["policies/hybrid.ts"]).length, 1);
  assertEquals(made("sim/a.ts", ["policies/policy.ts", "metrics/recall.ts"]).length, 0);
  assertEquals(made("report/a.ts", ["engine/b.ts"]).length, 1);
  assertEquals(made("engine/a.ts", [], ["onnxruntime-node"]).length, 1);
  assertEquals(made("engine/a.ts", ["../data/words.json"]).length, 1);
  assertEquals(made("eval/a.ts", ["../data/words.json"]).length, 0);
  assertEquals(made("engine/session.ts", [], ["onnxruntime-node"]).length, 0);
  assertEquals(made("eval/a.ts", [], ["@std/assert"]).length, 1);
  assertEquals(made("engine/a.ts", ["sim/b.ts"]).length, 1);
  assertEquals(made("sim/a.ts", [], ["kvmirror"]).length, 1, "lib imports itself by path, so that arrows are seen");
  assertEquals(made("engine/a.ts", ["policies/mod.ts"]).length, 1);
  assertEquals(made("notebook/a.ts", ["numeric/b.ts"]).length, 1);
  assertEquals(made("metrics/a.ts", ["policies/policy.ts"]).length, 1);
  assertEquals(made("mod.ts", ["engine/mod.ts"]).length, 1);
  assertEquals(made("engine/a.ts", ["../tasks/cli.ts"]), ["engine/a.ts imports ../tasks/cli.ts"]);
  assertEquals(made("unknown/a.ts", ["numeric/b.ts"]).length, 1);
  assertEquals(
    ["npm:onnxruntime-node@1.30.0", "npm:/@std/x@1/y.js", "@std/assert", "vega", "node:fs"].map(packageName),
    ["onnxruntime-node", "@std/x", "@std/assert", "vega", "node:fs"],
  );
});

Deno.test("numeric, policies and metrics touch no Deno API; lib and tasks print through one door", () => {
  for (const file of libFiles()) {
    const text = Deno.readTextFileSync(new URL(`lib/${file}`, ROOT));
    const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    if (PURE.includes(file.split("/")[0])) assert(!/\bDeno\./.test(code), `${file} uses Deno.*`);
    assert(!/\bconsole\./.test(code), `${file} prints`);
  }
});

Deno.test("no file is longer than an idea: 350 lines at most", () => {
  for (const file of libFiles()) {
    const lines = Deno.readTextFileSync(new URL(`lib/${file}`, ROOT)).split("\n").length;
    assert(lines <= 351, `lib/${file} has ${lines} lines`);
  }
});
