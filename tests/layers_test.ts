import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

/** Folders of lib/ and the folders each may import from, its own aside (DESIGN, "Layout"). */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  numeric: [],
  metrics: ["numeric"],
  policies: ["numeric", "metrics"],
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

/** A file of lib/ and what it imports: other files of lib/ by their path in it, packages by name. */
interface Imports {
  readonly file: string;
  readonly files: readonly string[];
  readonly packages: readonly string[];
}

/** Every arrow that points the wrong way, in words. */
function wrongArrows(graph: readonly Imports[]): string[] {
  const folder = (file: string) => file.includes("/") ? file.slice(0, file.indexOf("/")) : "";
  return graph.flatMap(({ file, files, packages }) => {
    const own = folder(file);
    const wrongFiles = own === "" ? [] : files.filter((to) => {
      if (folder(to) === own) return false;
      if (!ALLOWED[own]?.includes(folder(to))) return true;
      return ["sim", "engine", "trace"].includes(own) && folder(to) === "policies" && !POLICY_INTERFACE.includes(to);
    });
    const wrongPackages = packages.filter((name) =>
      name.startsWith("@std/") || (name === "onnxruntime-node" && file !== "engine/session.ts") ||
      (NATIVE.includes(name) && !["engine", "report"].includes(own))
    );
    return [...wrongFiles, ...wrongPackages].map((to) => `${file} imports ${to}`);
  });
}

function libFiles(folder = new URL("lib/", ROOT), prefix = ""): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory
      ? libFiles(new URL(`${name}/`, folder), `${prefix}${name}/`)
      : name.endsWith(".ts")
      ? [prefix + name]
      : []
  );
}

/** Reads the import graph as Deno resolves it. */
async function importGraph(): Promise<Imports[]> {
  const graph = new Map<string, Imports>();
  const lib = new URL("lib/", ROOT).href;
  for (const file of libFiles()) {
    if (graph.has(file)) continue;
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", new URL(file, lib).pathname],
      cwd: ROOT.pathname,
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    for (const module of JSON.parse(new TextDecoder().decode(stdout)).modules) {
      if (!module.specifier.startsWith(lib)) continue;
      const targets = (module.dependencies ?? []).map((
        dependency: Record<string, { specifier?: string }> & { specifier: string },
      ) => ({
        written: dependency.specifier,
        resolved: dependency.code?.specifier ?? dependency.type?.specifier ?? dependency.specifier,
      }));
      graph.set(module.specifier.slice(lib.length), {
        file: module.specifier.slice(lib.length),
        files: targets.filter((to: { resolved: string }) => to.resolved.startsWith(lib)).map((
          to: { resolved: string },
        ) => to.resolved.slice(lib.length)),
        packages: targets.filter((to: { resolved: string }) => !to.resolved.startsWith("file:")).map((
          to: { written: string },
        ) => to.written),
      });
    }
  }
  return [...graph.values()];
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
  assertEquals(made("engine/session.ts", [], ["onnxruntime-node"]).length, 0);
  assertEquals(made("eval/a.ts", [], ["@std/assert"]).length, 1);
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
