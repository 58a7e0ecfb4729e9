import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { injectParameters } from "../../lib/notebook/parameters.ts";
import { type NotebookRun, runNotebook } from "../../lib/notebook/run_notebook.ts";
import { serializeNotebook } from "../../lib/notebook/serialize_notebook.ts";
import { isRunning } from "../fixtures/is_running.ts";
import { syntheticNotebook } from "../fixtures/synthetic_notebook.ts";
import { withFolder } from "../fixtures/with_folder.ts";

/** A folder inside the checkout: its deno.json is found upward from here. */
const FOLDER = fileURLToPath(new URL("fixtures/", import.meta.url));

async function run(...cells: string[]): Promise<NotebookRun> {
  return await runNotebook(syntheticNotebook(...cells), { folder: FOLDER, timeout: 60_000 });
}

/** What each cell showed, in short. */
function shown({ notebook }: NotebookRun): string[][] {
  return notebook.cells.map((cell) =>
    cell.type !== "code" ? [] : cell.outputs.map((output) => {
      switch (output.type) {
        case "stream":
          return `${output.name} ${output.text}`;
        case "error":
          return `error ${output.name}: ${output.message}`;
        default:
          return `${output.type} ${String(output.data["text/plain"]).slice(0, 40)}`;
      }
    })
  );
}

Deno.test("every output is under its own cell, run after run", async () => {
  const cells = [
    "console.log('a'); console.error('b'); console.log('c'); 'first'",
    "for (let i = 0; i < 200; i++) console.log(i);",
    "await Deno.jupyter.display({ 'text/plain': 'shown' }, { raw: true }); 'x'.repeat(300_000)",
    "const nothing = 1;",
    "console.log('before'); ({ async [Symbol.for('Jupyter.display')]() { await 0; return { 'text/plain': 'own' }; } })",
    "setTimeout(() => console.log('late'), 5); await new Promise((done) => setTimeout(done, 20));",
    "console.log('last'); undefined",
  ];
  const expected = [
    ["stdout a\n", "stderr b\n", "stdout c\n", 'result "first"'],
    [`stdout ${Array.from({ length: 200 }, (_, i) => `${i}\n`).join("")}`],
    ["display shown", `result "${"x".repeat(39)}`],
    [],
    ["stdout before\n", "result own"],
    ["stdout late\n"],
    ["stdout last\n"],
  ];
  const copies = new Set<string>();
  for (let attempt = 0; attempt < 12; attempt++) {
    const done = await run(...cells);
    assertEquals(shown(done), expected, `run ${attempt + 1}`);
    copies.add(serializeNotebook(done.notebook));
  }
  assertEquals(copies.size, 1, "the executed copy is the same bytes each time");
});

Deno.test("execution counts are those of the cells: what the runner asks for itself does not count", async () => {
  const { notebook } = await run("1", "2", "3");
  assertEquals(notebook.cells.map((cell) => cell.type === "code" && cell.executionCount), [1, 2, 3]);
});

Deno.test("a syntax error comes with its message and place, and ends the run", async () => {
  const { failed, notebook } = await run("1", "const a = 1;\n\nconst b = ;", "3");
  assertEquals(failed?.number, 2);
  assertEquals(failed?.failure, {
    kind: "error",
    name: "SyntaxError",
    message: "Expression expected",
    place: { line: 3, column: 11 },
  });
  const [, second, third] = notebook.cells;
  assert(second.type === "code" && third.type === "code");
  assertEquals(second.outputs, [{
    type: "error",
    name: "SyntaxError",
    message: "Expression expected",
    traceback: [],
  }]);
  assertEquals([third.outputs, third.executionCount], [[], null]);
});

Deno.test("an error is placed in the cell's source, past types, comments, blank lines and imports not used", async () => {
  const source = [
    "import { simulate } from 'kvmirror';",
    "import {",
    "  policy,",
    "  type Policy,",
    "} from 'kvmirror/policies';",
    "",
    "// why",
    "const chosen: Policy | undefined = undefined;",
    "await 0;",
    "",
    "fail(`two",
    "lines`);",
  ].join("\n");
  const { failed } = await run("function fail(text: string) {\n\n\n  throw new RangeError(text);\n}", source);
  assertEquals([failed?.number, failed?.failure.name, failed?.failure.message], [2, "RangeError", "two\nlines"]);
  assertEquals(failed?.failure.place?.line, 11);
});

Deno.test("errors beside a cell's own course fail it: in a display, a timer, a promise nobody awaits", async () => {
  const cases = {
    "in display": "({ [Symbol.for('Jupyter.display')]() { throw new Error('in display'); } })",
    "in a later display": "({ async [Symbol.for('Jupyter.display')]() { throw new Error('in a later display'); } })",
    "serde_v8 error: unsupported type": "({ [Symbol.for('Jupyter.display')]: () => ({ 'text/plain': 1n }) })",
    "in a timer":
      "setTimeout(() => { throw new Error('in a timer'); }, 1); await new Promise((r) => setTimeout(r, 20));",
    "in a promise": "Promise.reject(new Error('in a promise')); await new Promise((r) => setTimeout(r, 20));",
  };
  for (const [message, source] of Object.entries(cases)) {
    const { failed } = await run(source, "'not reached'");
    assertEquals([failed?.number, failed?.failure.message], [1, message]);
  }
});

Deno.test("an error that comes up after its cell was done fails the run all the same", async () => {
  const notebook = syntheticNotebook("setTimeout(() => { throw new Error('late'); }, 50); 1", "2");
  const wait = () => {
    for (const end = performance.now() + 300; performance.now() < end;);
  };
  const { failed } = await runNotebook(notebook, { folder: FOLDER, onCell: (_, { step }) => step === 2 && wait() });
  assertEquals([failed?.number, failed?.failure.message], [1, "late"]);
});

Deno.test("a kernel that dies is a failure of the cell that killed it", async () => {
  const { failed, notebook } = await run("console.log('before')", "Deno.exit(7)", "3");
  assertEquals([failed?.number, failed?.failure.kind], [2, "died"]);
  assertEquals(failed?.failure.message, "the kernel died (exit 7)");
  assertEquals(shown({ notebook } as NotebookRun), [["stdout before\n"], [], []]);
});

Deno.test("a cell that runs too long is stopped, in a loop or while it awaits, and keeps what it showed", async () => {
  for (const endless of ["for (;;);", "await new Promise(() => {});"]) {
    const notebook = syntheticNotebook(`console.log('begun'); ${endless}`, "2");
    const done = await runNotebook(notebook, { folder: FOLDER, timeout: 1000 });
    assertEquals([done.failed?.failure.kind, done.failed?.failure.message], ["timeout", "the cell ran past 1 s"]);
    assertEquals(shown(done), [["stdout begun\n", "error Timeout: the cell ran past 1 s"], []]);
  }
});

Deno.test("an abort kills the kernel, whatever it is at", async () => {
  const controller = new AbortController();
  const running = runNotebook(syntheticNotebook("1", "for (;;);"), {
    folder: FOLDER,
    signal: controller.signal,
    onCell: (_, { step }) => step === 2 && setTimeout(() => controller.abort(new Error("enough")), 50),
  });
  await assertRejects(() => running, Error, "enough");
});

Deno.test("a kernel ends when its runner is killed", async () => {
  const module = (path: string) => JSON.stringify(import.meta.resolve(path));
  const runner = new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      `import { runNotebook } from ${module("../../lib/notebook/run_notebook.ts")};
       import { syntheticNotebook } from ${module("../fixtures/synthetic_notebook.ts")};
       await runNotebook(syntheticNotebook("1", "await new Promise(() => {})"), {
         folder: ".",
         onCell: (_, { step }) => step === 2 && console.log("running"),
       });`,
    ],
    cwd: FOLDER,
    stdout: "piped",
  }).spawn();
  const output = runner.stdout.getReader();
  await output.read();
  const kernel = await childOf(runner.pid);
  runner.kill("SIGKILL");
  await runner.status;
  await output.cancel();
  const deadline = performance.now() + 30_000;
  while (isRunning(kernel)) {
    assert(performance.now() < deadline, "the kernel still runs");
    await new Promise((done) => setTimeout(done, 100));
  }
});

Deno.test("what native addons print is kept apart and corrupts nothing", async () => {
  const wordy = "await onnxruntime.InferenceSession.create(new Uint8Array([8, 8]), { logSeverityLevel: 0 })";
  const done = await run(
    `import * as onnxruntime from "onnxruntime-node";\n${wordy}.catch((error) => console.log(error.message));`,
    "console.log('above')",
  );
  assertEquals(done.failed, undefined);
  assertEquals(shown(done), [["stdout No graph was found in the protobuf.\n"], ["stdout above\n"]]);
  assertStringIncludes(done.log, "[I:onnxruntime");
});

Deno.test("parameters reach the cells after them", async () => {
  const notebook = syntheticNotebook(
    { source: "let model: string = 'auto';\nlet seed = 1;", tags: ["parameters"] },
    "console.log(model, seed)",
  );
  const set = injectParameters(notebook, { model: "smollm2-135m", profile: "quick" });
  const done = await runNotebook(set, { folder: FOLDER });
  assertEquals(shown(done), [[], [], ["stdout smollm2-135m 1\n"]]);
});

Deno.test("relative imports and paths start at the notebook's folder", async () => {
  await withFolder(async (_, folder) => {
    await Deno.writeTextFile(`${folder}/beside.ts`, "export const found: string = 'beside';\n");
    await Deno.writeTextFile(`${folder}/text.txt`, "read");
    const done = await runNotebook(
      syntheticNotebook("import { found } from './beside.ts'; found", "Deno.readTextFileSync('text.txt')"),
      { folder },
    );
    assertEquals(shown(done), [['result "beside"'], ['result "read"']]);
    const missing = await runNotebook(syntheticNotebook("import './absent.ts'"), { folder });
    assertMatch(missing.failed!.failure.message, /^Module not found "file:.*absent\.ts"/);
    assertEquals((await Array.fromAsync(Deno.readDir(folder))).length, 2, "nothing is left behind");
  });
});

Deno.test("deno.json is found upward: cells import by name, npm packages with native parts among them", async () => {
  const done = await run(
    "import { simulate } from 'kvmirror';\nimport { policy } from 'kvmirror/policies';\ntypeof simulate + policy('hybrid').name",
    "import * as polars from 'nodejs-polars';\npolars.DataFrame({ a: [1, 2] }).shape.height",
    "import * as onnxruntime from 'onnxruntime-node';\ntypeof onnxruntime.InferenceSession.create",
  );
  assertEquals(done.failed, undefined);
  assertEquals(shown(done), [['result "functionhybrid"'], ["result 2"], ['result "function"']]);
});

Deno.test("a kernel that cannot start says why", async () => {
  const error = await assertRejects(() => runNotebook(syntheticNotebook("1"), { folder: FOLDER, executable: "false" }));
  assertStringIncludes((error as Error).message, "the kernel died (exit 1)");
});

async function childOf(pid: number): Promise<number> {
  const { stdout } = await new Deno.Command("ps", { args: ["-A", "-o", "pid=,ppid="] }).output();
  const rows = new TextDecoder().decode(stdout).trim().split("\n").map((line) => line.trim().split(/\s+/).map(Number));
  return rows.find(([, parent]) => parent === pid)![0];
}

Deno.test("a cell tagged raises-exception may throw, one tagged skip-execution is not run; a loop fails all the same", async () => {
  const tagged = (source: string, tag: string) => ({ source, tags: [tag] });
  const cells = [
    tagged("throw new TypeError('wanted')", "raises-exception"),
    tagged("globalThis.ran = true", "skip-execution"),
    tagged("'no error'", "raises-exception"),
    "String(globalThis.ran)",
  ];
  const done = await runNotebook(syntheticNotebook(...cells), { folder: FOLDER, timeout: 60_000 });
  assertEquals(done.failed, undefined);
  assertEquals(shown(done), [["error TypeError: wanted"], [], ['result "no error"'], ['result "undefined"']]);
  const looping = syntheticNotebook(tagged("while (true) {}", "raises-exception"), "1");
  const { failed } = await runNotebook(looping, { folder: FOLDER, timeout: 1000 });
  assertEquals([failed?.number, failed?.failure.kind], [1, "timeout"]);
});

Deno.test("a thrown value that is no error is named", async () => {
  for (const [source, named] of [["throw undefined", "undefined or null"], ["throw 'text'", "text"]]) {
    const { failed } = await run(source);
    const message = `${named} was thrown, which is no Error: throw new Error(…) says where`;
    assertEquals([failed?.failure.name, failed?.failure.message], ["Thrown", message]);
  }
});
