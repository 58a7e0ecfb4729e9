import { assert, assertEquals } from "@std/assert";
import settings from "../deno.json" with { type: "json" };
import { parseFlags } from "../tasks/cli/flags.ts";
import { type TaskName, TASKS } from "../tasks/cli/task_table.ts";
import { runTask } from "./fixtures/run_task.ts";
import { withFolder } from "./fixtures/with_folder.ts";

const ROOT = new URL("../", import.meta.url);
const PAGES = ["README.md", "CONTRIBUTING.md", "data/fitted/README.md"].concat(
  [...Deno.readDirSync(new URL("docs/", ROOT))].filter(({ isFile, name }) => isFile && name.endsWith(".md"))
    .map(({ name }) => `docs/${name}`).sort(),
);

/** Commands of tasks that are not run here, with the reason. */
const NOT_RUN: Readonly<Record<string, string>> = {
  bench: "takes minutes; tests/tasks/bench_test.ts runs a small one",
  check: "is the gate that this test is part of",
  fit_probe: "takes a model that is fetched; tests/tasks/live_test.ts fits the embedded one",
  fuzz: "takes as long as it is told; tests/fuzz runs it",
  lab: "stays open; tests/notebook and tests/tasks start a kernel",
  "lab:check": "takes JupyterLab",
  models: "fetches a model; tests/tasks/models_test.ts does so from a server of its own",
  ok: "is the gate that this test is part of",
  pack: "takes long; tests/tasks/pack_test.ts makes the package and runs it",
  parity: "takes SmolLM2; tests/policies/kvpress_test.ts compares where it is",
  reproduce: "takes minutes; tests/tasks/quick_profile_test.ts runs it",
  site: "takes reports; tests/report/site makes one",
  soak: "takes as long as it is told",
  test: "is what runs this test",
  worker: "stays open; tests/tasks/queue starts some",
};

/** Pages whose shell blocks run as written, from top to bottom, in one folder each. */
const RUN = ["README.md", "docs/cache.md", "docs/cli.md"];

/** A command line, without `deno task`, its comment and where its output goes. */
interface Command {
  readonly page: string;
  readonly line: string;
  readonly words: readonly string[];
  readonly into?: string;
}

/** Reads a command as a shell would: words, quotes, a comment, one `>`. */
function command(page: string, line: string): Command {
  const [text, into] = line.replace(/\s+#.*$/, "").split(/\s+>\s+/);
  const words = [...text.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word);
  return { page, line, words, ...(into === undefined ? {} : { into }) };
}

/** Every `deno task` of a page, in its blocks and in its sentences. */
function commandsOf(page: string): Command[] {
  const text = Deno.readTextFileSync(new URL(page, ROOT)).replaceAll(/\\\n\s*/g, "");
  const found = [...text.matchAll(/(?:`deno|^deno|^npx --yes deno@[\d.]+) task ([^`\n]+)/gm)];
  return found.map(([, line]) => command(page, line.trim())).filter(({ words }) => words[0] !== "…");
}

/** The commands of a page's shell blocks. */
function blocksOf(page: string): Command[] {
  const text = Deno.readTextFileSync(new URL(page, ROOT)).replaceAll(/\\\n\s*/g, "");
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block]) =>
    [...block.matchAll(/^(?:npx --yes deno@[\d.]+|deno) task (.+)$/gm)].map(([, line]) => command(page, line))
  );
}

for (const page of PAGES) {
  Deno.test(`${page}: every command is of a task that there is, with flags that it has`, () => {
    for (const { line, words: [name, ...args] } of commandsOf(page)) {
      assert(Object.hasOwn(settings.tasks, name), `${line}: there is no task ${name}`);
      const task = TASKS[name as TaskName];
      if (task === undefined || task.handsOn === "everything" || args.includes("--help")) continue;
      const own = args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
      parseFlags(own, task);
    }
  });
}

for (const page of RUN) {
  Deno.test(`${page}: its commands run as written, on the embedded model where no other is here`, async (test) => {
    await withFolder(async (path) => {
      await Deno.mkdir(path("bin"));
      await Deno.symlink(Deno.execPath(), path("bin/deno"));
      // Nothing can be fetched: `auto` is the embedded model.
      const env = { PATH: path("bin"), KVMIRROR_CACHE: path("cache"), HF_HUB_CACHE: path("hub"), HF_HUB_OFFLINE: "1" };
      const commands = blocksOf(page);
      // What commands write goes to the folder, and is read from there.
      const written = new Set(commands.flatMap(({ words, into }) => [into, words[words.indexOf("--output") + 1]]));
      for (const { line, words, into } of commands) {
        if (Object.hasOwn(NOT_RUN, words[0])) {
          console.error(`  not run: ${line}: it ${NOT_RUN[words[0]]}`);
          continue;
        }
        await test.step(line, async () => {
          const [name, ...args] = words;
          const { code, stdout, stderr } = await runTask(
            [name, ...args.map((word) => written.has(word) ? path(word) : word)],
            env,
          );
          assertEquals(code, 0, stderr);
          if (into !== undefined) await Deno.writeTextFile(path(into), stdout);
        });
      }
    });
  });
}

Deno.test("each task that is not run here is one, and some page has a command of it", () => {
  const named = new Set(PAGES.flatMap((page) => commandsOf(page).map(({ words: [name] }) => name)));
  assertEquals(Object.keys(NOT_RUN).filter((name) => !named.has(name)), []);
});
