import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { policy } from "kvmirror/policies";
import { madeOf } from "../../../lib/policies/table.ts";
import { policiesOfFiles } from "../../../tasks/cli/policy_file.ts";
import { UsageError } from "../../../tasks/cli/usage_error.ts";
import { runTask } from "../../fixtures/run_task.ts";
import { withFolder } from "../../fixtures/with_folder.ts";

const SAMPLE = "data/samples/newest_and_first.ts";
const PROMPT = "data/samples/story.txt";

const HEAD = 'import { definePolicy, eachHead, everyRow, policy } from "kvmirror/policies";\n';
const SCORED = (score: string, signals = "[]") =>
  `${HEAD}export default definePolicy({ name: "mine", signals: ${signals}, score: ${score} });\n`;
const NEWEST = SCORED("eachHead(({ positions }) => positions)");

/** What is wrong with a file, and what is said of it after its path. */
const WRONG: Readonly<Record<string, readonly [content: string, message: string]>> = {
  nothing: ["", "as it exports nothing: write export default definePolicy"],
  named: ["export const [one, two] = [1, 2];", "as it has no default export, only one, two: write export default"],
  throws: ["throw new RangeError('boom\\n\\nand more');", "as loading it throws RangeError: boom"],
  no_code: ["export default {", "as loading it throws TypeError: SyntaxError: "],
  imports: ['import "./absent.ts"; export default 1;', 'as loading it throws TypeError: Module not found "file:'],
  number: ["export default 5;", "as its default export is 5: export what definePolicy gives"],
  name: ['export default "snapkv";', 'as its default export is "snapkv": export'],
  definition: [
    "export default { name: 'x', signals: [], score: () => [] };",
    "is a definition that is not completed: hand it to definePolicy",
  ],
  no_name: ["export default { signals: [], choose: () => [] };", "is an object without a name"],
  no_signals: ["export default { name: 'x', choose: () => [] };", "is an object without signals"],
  no_signal: ["export default { name: 'x', signals: [null], choose: () => [] };", "is an object with the signal null"],
  no_function: ["export default () => { throw new Error('no'); };", "as its default export throws Error: no"],
  gives: ["export default () => undefined;", "as its default export gives undefined: export what"],
  nan: [
    SCORED("eachHead(({ positions }) => Float64Array.from(positions, (row) => Math.sqrt(5 - row)))"),
    'as it breaks the promise "choice": Cannot choose rows as the score of row 6 is NaN: policy ',
  ],
  dice: [
    SCORED("eachHead(({ positions }) => Float64Array.from(positions, Math.random))"),
    'as it breaks the promise "determinism": Cannot keep row ',
  ],
  unnamed: [
    SCORED('eachHead((head) => head.signal("novelty"))'),
    'as it breaks the promise "signals": Cannot read novelty as it is not among its signals: policy ',
  ],
  unknown: [
    SCORED('eachHead((head) => head.signal("novlty"))', '["novlty"]'),
    'Cannot find signal "novlty": did you mean novelty? The signals are keys, ',
  ],
  sorts: [
    SCORED('eachHead((head) => head.signal("keys").sort().subarray(0, head.positions.length))', '["keys"]'),
    'as it breaks the promise "writes": Cannot write into keys, row 0, as runners share it: policy ',
  ],
  everything: [
    `${HEAD}export default { name: "all", signals: [], choose: (layers) => everyRow(layers) };`,
    'as it breaks the promise "budget": Cannot keep 17 rows as the budget gives 15: policy ',
  ],
  no_choice: [
    "export default { name: 'x', signals: [], choose: () => undefined };",
    'as it breaks the promise "choice": Cannot keep rows by no choice: policy ',
  ],
};

Deno.test("a file that is no policy, or breaks a promise, is one line that names the file and what is wrong", async () => {
  await withFolder(async (_, folder) => {
    for (const [name, [content, message]] of Object.entries(WRONG)) {
      const path = `${folder}/${name}.ts`;
      await Deno.writeTextFile(path, content);
      const error = await assertRejects(() => policiesOfFiles(`globalkv(${path})`), UsageError, message);
      assertMatch(error.message, /^Cannot (?:use|load)\P{Cc}*$/u, name);
      assertStringIncludes(error.message, `${path} as `);
      assert(!error.message.includes("?content="), error.message);
    }
    await Deno.writeTextFile(`${folder}/a policy.ts`, NEWEST);
    await assertRejects(() => policiesOfFiles(`${folder}/a policy.ts`), UsageError, "as a space or = in its path ends");
    await assertRejects(() => policiesOfFiles("./gone.ts"), UsageError, "gone.ts as there is no such file");
    await assertRejects(() => policiesOfFiles(`${folder}/.`), UsageError, "as it is no file");
  });
});

Deno.test("names of the table ask for no file; a path goes by itself, in wrappers, and by a function", async () => {
  for (const text of ["snapkv", "adakv(protect(knorm, sinks=8)),tova in int8/int4", "snapkv(", "a b", "", undefined]) {
    assertEquals(await policiesOfFiles(text), {});
  }
  await withFolder(async (_, folder) => {
    const [path, script] = [`${folder}/mine.ts`, `${folder}/mine.js`];
    await Deno.writeTextFile(path, NEWEST);
    await Deno.writeTextFile(script, `${HEAD}export default async () => policy("globalkv(knorm)");`);
    const own = await policiesOfFiles(`${path} in int8, protect(adakv(${path}), sinks=8),${script}`);
    assertEquals(Object.keys(own).sort(), [script, path]);
    const names = [path, `adakv(${path})`, `protect(globalkv(${path}), sinks=8)`, script];
    assertEquals(names.map((name) => policy(name, {}, own).name), names);
    assertEquals(policy(script, {}, own).signals, ["keys"]);
  });
});

Deno.test("what a policy is made of holds the hash of its file, and of the files that this one imports", async () => {
  await withFolder(async (_, folder) => {
    const path = `${folder}/mine.ts`;
    const hashes = new Set<unknown>();
    const hash = async () => {
      const made = madeOf(policy(`globalkv(${path})`, {}, await policiesOfFiles(path)));
      hashes.add(made?.contentHash);
      return made?.contentHash;
    };
    const other = `import { least } from "./deep/least.ts";\n${
      NEWEST.replace("=> positions", "=> positions.map((at) => at + least)")
    }`;
    await Deno.mkdir(`${folder}/deep`);
    await Deno.writeTextFile(`${folder}/deep/least.ts`, "export const least = 1;\n");
    await Deno.writeTextFile(path, NEWEST);
    const first = await hash();
    await Deno.writeTextFile(path, other);
    await hash();
    await Deno.writeTextFile(`${folder}/deep/least.ts`, "export const least = 2;\n");
    await hash();
    assertEquals([hashes.size, [...hashes].every((each) => /^[0-9a-f]{64}$/.test(String(each)))], [3, true]);
    await Deno.writeTextFile(path, NEWEST);
    assertEquals(await hash(), first);
  });
});

Deno.test("evaluate answers anew where a policy's file has changed, and only then", async () => {
  await withFolder(async (_, folder) => {
    const [path, output] = [`${folder}/mine.ts`, `${folder}/results`];
    const row = {
      task: "t",
      context: "The code of the ship is 4711. ".repeat(20),
      question: "What?",
      max_new_tokens: 4,
    };
    await Deno.writeTextFile(`${folder}/rows.jsonl`, `${JSON.stringify({ ...row, answer: ["4711"] })}\n`);
    const evaluated = async () => {
      const args = ["--model", "tiny", "--dataset", `${folder}/rows.jsonl`, "--policy", `${path},globalkv(${path})`];
      const more = ["--compression-ratio", "0.9", "--output", output, "--json"];
      const { code, stdout, stderr } = await runTask(["evaluate", ...args, ...more]);
      assertEquals(code, 0, stderr);
      const names = JSON.parse(stdout).results.map(({ policy }: { policy: string }) => policy);
      assert(names.includes(path) && names.includes(`globalkv(${path})`), names.join());
      return [...Deno.readDirSync(`${output}/samples`)].length;
    };
    await Deno.writeTextFile(path, NEWEST);
    const first = await evaluated();
    assertEquals([first, await evaluated()], [7, 7], "the full cache, two of the file, four controls");
    await Deno.writeTextFile(path, NEWEST.replace("=> positions", "=> positions.map((at) => -at)"));
    assertEquals(await evaluated(), first + 2);
  });
});

Deno.test("every task that takes a policy takes a file, with the permissions that it has", async () => {
  await withFolder(async (_, folder) => {
    const live = ["--model", "tiny", "--prompt-file", PROMPT, "--max-new-tokens", "2", "--json"];
    const trace = await runTask(["trace", ...live.slice(0, 4), "--output", `${folder}/trace.json`]);
    assertEquals(trace.code, 0, trace.stderr);
    const evicts = ["--policy", SAMPLE, "--compression-ratio", "0.5"];
    const calls: readonly string[][] = [
      ["simulate", ...evicts, "--json"],
      ["replay", "--trace", `${folder}/trace.json`, ...evicts, "--json"],
      ["generate", ...live, ...evicts, "--question", "Who?"],
      ["compress", ...live, "--policy", `globalkv(${SAMPLE})`, "--compression-ratio", "0.5"],
      ["recommend", "--model", "tiny", "--context", "400", "--memory", "200KB", "--policy", SAMPLE]
        .concat(["--samples", "1", "--task", "niah_single_1", "--json"]),
    ];
    for (const args of calls) {
      const { code, stdout, stderr } = await runTask(args);
      assertEquals(code, 0, stderr);
      assertStringIncludes(JSON.stringify(JSON.parse(stdout)), SAMPLE, args[0]);
    }
  });
});

Deno.test("the sample keeps both ends of a text; a wrong file is exit 2 and one line of every task", async () => {
  const own = await policiesOfFiles(SAMPLE);
  const heads = [{ positions: Int32Array.from({ length: 9 }, (_, row) => row), signal: () => new Float32Array(9) }];
  const model = { layerCount: 1, headDim: 1, groupSize: 1, rotary: { kinds: [[]], layers: [0] } };
  const [[{ rows }]] = policy(SAMPLE, {}, own).choose([{ index: 0, heads, model }], { ratio: 0.5, rows: 4 });
  assertEquals([...rows], [0, 1, 7, 8]);
  for (const task of ["simulate", "generate", "compress", "chat", "evaluate", "recommend"]) {
    const more: Readonly<Record<string, string[]>> = {
      chat: ["--max-cache", "1MB"],
      recommend: ["--context", "9", "--memory", "1MB"],
      evaluate: ["--task", "vt"],
    };
    const { code, stderr } = await runTask([task, "--policy", "./gone.ts", ...more[task] ?? []]);
    const line = "error: Cannot load policy ./gone.ts as there is no such file: check the path\n";
    assertEquals([code, stderr], [2, line], task);
  }
});

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

Deno.test("docs/policies.md: its policies are the sample and notebook 10's, and its commands run as written", async () => {
  const page = await Deno.readTextFile(`${ROOT}docs/policies.md`);
  const [sample, mine, ...others] = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code);
  assertEquals([sample, others], [await Deno.readTextFile(ROOT + SAMPLE), []]);
  const notebook = JSON.parse(await Deno.readTextFile(`${ROOT}notebooks/10_your_own_policy.ipynb`));
  const cell = notebook.cells.find(({ id }: { id: string }) => id === "yours").source.join("");
  const words = (code: string) => code.replace(/^[^]*definePolicy\(/, "").split(/\s+/).join(" ").trim();
  assertEquals(words(mine), words(cell));
  await withFolder(async (path, folder) => {
    await Deno.writeTextFile(path("mine.ts"), mine);
    await Deno.mkdir(path("bin"));
    await Deno.symlink(Deno.execPath(), path("bin/deno"));
    // Nothing can be fetched: `auto` is the embedded model.
    const env = { PATH: path("bin"), KVMIRROR_CACHE: path("cache"), HF_HUB_CACHE: path("hub"), HF_HUB_OFFLINE: "1" };
    const commands = [...page.matchAll(/^deno task (.*)$/gm)].map(([, command]) => command);
    assertEquals(commands.length, 4);
    for (const command of commands) {
      const written = command.replaceAll("./mine.ts", path("mine.ts")).replace("my_race", path("my_race"));
      const args = [...written.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word);
      const { code, stderr } = await runTask(args, env);
      assertEquals(code, 0, `${command}: ${stderr}`);
    }
    const results = JSON.parse(await Deno.readTextFile(`${folder}/my_race/results.json`));
    const own = results.find(({ policy }: { policy: string }) => policy === path("mine.ts"));
    assertEquals([own.n, own.compression_ratio], [16, 0.5]);
  });
});
