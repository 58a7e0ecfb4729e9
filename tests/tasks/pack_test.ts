import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { simulate, syntheticSequence } from "kvmirror";
import { loadModel } from "kvmirror/engine";
import { evaluate, factPrompt, factRows } from "kvmirror/eval";
import { policy } from "kvmirror/policies";
import ts from "typescript";
import { runTask } from "../fixtures/run_task.ts";

const ROOT = new URL("../../", import.meta.url);
const NAME = "@kvmirror/kvmirror";

/** What a script prints under Node 22, which npm brings; a line of stderr is no harm. */
const SCRIPT = `
import { simulate, syntheticSequence } from "${NAME}";
import { loadModel } from "${NAME}/engine";
import { evaluate, factPrompt, factRows } from "${NAME}/eval";
import { policy } from "${NAME}/policies";
import { table } from "${NAME}/report";

const { stats } = simulate(syntheticSequence({ sequenceLength: 1024 }), policy("hybrid", { windowSize: 192 }));
const model = await loadModel("tiny");
const context = await model.prefill("The rain fell in torrents on the harbour. ".repeat(8));
const cache = context.fork();
cache.compress(policy("globalkv(keydiff)"), { compressionRatio: 0.5 });
const { ids } = await model.generate("What fell?", { cache, maxNewTokens: 8 });
const rows = factRows("codes", [0, 1, 2].map((seed) => factPrompt({ seed })));
const { samples } = await evaluate(model, rows, [{ policy: policy("knorm"), compressionRatio: 0.5 }]);
const missing = await loadModel("./no_such.gguf").catch(({ name, message }) => name + ": " + message);
console.log(JSON.stringify({ node: process.version, stats, live: cache.liveBytes, ids, samples, missing, table: typeof table }));
`;

const TYPED = `
import { loadModel } from "${NAME}/engine";
import { policy } from "${NAME}/policies";

export async function bytes(): Promise<number> {
  const model = await loadModel("tiny");
  const cache = await model.prefill("a");
  cache.compress(policy("knorm"), { compressionRatio: 0.5 });
  return cache.liveBytes;
}
export const wrong: string = policy("knorm");
`;

/** A folder in which the package is installed as npm would, its dependencies from this checkout. */
async function installed(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "kvmirror-pack-" });
  const { code, stderr } = await runTask(["pack", "--output", `${folder}/node_modules/${NAME}`]);
  assertEquals(code, 0, stderr);
  const manifest = JSON.parse(await Deno.readTextFile(`${folder}/node_modules/${NAME}/package.json`));
  assertEquals(manifest.engines, { node: ">=22" });
  for (const name of Object.keys(manifest.dependencies)) {
    const link = `${folder}/node_modules/${name}`;
    await Deno.mkdir(link.slice(0, link.lastIndexOf("/")), { recursive: true });
    await Deno.symlink(new URL(`node_modules/${name}`, ROOT), link);
  }
  return folder;
}

async function node22(folder: string, script: string): Promise<string> {
  await Deno.writeTextFile(`${folder}/script.mjs`, script);
  const { success, stdout, stderr } = await new Deno.Command("npx", {
    args: ["--yes", "node@22", "script.mjs"],
    cwd: folder,
    env: { KVMIRROR_CACHE: `${folder}/cache` },
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("the npm package computes under Node 22 what the library computes under Deno, and has its types", async () => {
  const folder = await installed();
  try {
    const said = JSON.parse(await node22(folder, SCRIPT));
    assert(said.node.startsWith("v22."), said.node);
    const { stats } = simulate(syntheticSequence({ sequenceLength: 1024 }), policy("hybrid", { windowSize: 192 }));
    assertEquals(said.stats, { ...stats });
    await using model = await loadModel("tiny");
    const context = await model.prefill("The rain fell in torrents on the harbour. ".repeat(8));
    const cache = context.fork();
    cache.compress(policy("globalkv(keydiff)"), { compressionRatio: 0.5 });
    const { ids } = await model.generate("What fell?", { cache, maxNewTokens: 8 });
    assertEquals([said.live, said.ids], [cache.liveBytes, ids]);
    const rows = factRows("codes", [0, 1, 2].map((seed) => factPrompt({ seed })));
    const { samples } = await evaluate(model, rows, [{ policy: policy("knorm"), compressionRatio: 0.5 }]);
    assertEquals(said.samples, JSON.parse(JSON.stringify(samples)));
    assertEquals(said.missing.split(" as ")[0], "RangeError: Cannot open the model ./no_such.gguf");
    assertEquals(said.table, "function");

    await Deno.writeTextFile(`${folder}/typed.mts`, TYPED);
    const program = ts.createProgram([`${folder}/typed.mts`], {
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ES2022,
      lib: ["lib.esnext.d.ts", "lib.dom.d.ts"],
      types: [],
      strict: true,
      noEmit: true,
    });
    const complaints = ts.getPreEmitDiagnostics(program).map(({ messageText, file }) =>
      `${file?.fileName.split("/").at(-1)}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`
    );
    assertEquals(complaints, ["typed.mts: Type 'Policy' is not assignable to type 'string'."]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("pack leaves a folder alone that holds something else", async () => {
  const folder = await Deno.makeTempDir({ prefix: "kvmirror-pack-" });
  try {
    await Deno.writeTextFile(`${folder}/thesis.txt`, "years");
    const { code, stderr } = await runTask(["pack", "--output", folder]);
    assertEquals(code, 2);
    assertStringIncludes(
      stderr,
      `Cannot pack into ${folder} as it holds something else: name a new folder with --output`,
    );
    assertEquals(await Deno.readTextFile(`${folder}/thesis.txt`), "years");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
