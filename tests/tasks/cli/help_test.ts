import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import settings from "../../../deno.json" with { type: "json" };
import { parseFlags } from "../../../tasks/cli/flags.ts";
import { cliMarkdown, helpText } from "../../../tasks/cli/help.ts";
import { type TaskName, TASKS } from "../../../tasks/cli/task_table.ts";
import { UsageError } from "../../../tasks/cli/usage_error.ts";
import { runTask } from "../../fixtures/run_task.ts";

const NAMES = Object.keys(settings.tasks) as TaskName[];

Deno.test("every task of deno.json has its table, and no other has", () => {
  assertEquals(Object.keys(TASKS).sort(), [...NAMES].sort());
});

/** The flags that the parser itself says it takes. */
function parsersFlags(name: TaskName): string[] {
  const { message } = assertThrows(() => parseFlags(["--no-such-flag"], TASKS[name]), UsageError);
  return [...message.slice(message.indexOf("the flags are")).matchAll(/--[\w-]+/g)].map(([flag]) => flag);
}

for (const name of NAMES) {
  Deno.test(`deno task ${name} --help names every flag that its parser takes, with an example that it takes`, async () => {
    const { code, stdout, stderr } = await runTask([name, "--help"]);
    assertEquals([code, stderr, stdout], [0, "", `${helpText(TASKS[name])}\n`]);
    const named = [...stdout.matchAll(/^(--[\w-]+)/gm)].map(([flag]) => flag);
    assertEquals(named, [...parsersFlags(name), "--help", "--version"]);
    assertStringIncludes(stdout, `deno task ${TASKS[name].example}`);
    const widest = Math.max(...stdout.split("\n").map(({ length }) => length));
    assertEquals(widest <= 140, true, `${widest} characters in a line`);
    const words = [...TASKS[name].example.matchAll(/"([^"]*)"|(\S+)/g)].slice(1).map(([, quoted, word]) =>
      quoted ?? word
    );
    const own = words.includes("--") ? words.slice(0, words.indexOf("--")) : words;
    if (TASKS[name].handsOn !== "everything") parseFlags(own, TASKS[name]);
  });
}

Deno.test("--version says the project's and Deno's", async () => {
  const { code, stdout } = await runTask(["plan", "--version"]);
  assertEquals(code, 0);
  assertMatch(stdout, new RegExp(`^kvmirror ${settings.version}, Deno \\d+\\.\\d+\\.\\d+\n$`));
});

Deno.test("docs/cli.md is what the tables make: deno run tasks/cli/print_docs.ts > docs/cli.md && deno fmt docs/cli.md", async () => {
  const root = new URL("../../../", import.meta.url);
  const process = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", "md", "-"],
    cwd: root,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(cliMarkdown(Object.values(TASKS))));
  await writer.close();
  const { stdout } = await process.output();
  assertEquals(await Deno.readTextFile(new URL("docs/cli.md", root)), new TextDecoder().decode(stdout));
});
