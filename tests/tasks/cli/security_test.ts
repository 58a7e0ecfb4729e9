import { assertEquals, assertMatch } from "@std/assert";
import settings from "../../../deno.json" with { type: "json" };
import run from "../../../tasks/run.json" with { type: "json" };

const DOCUMENT = new URL("../../../docs/security.md", import.meta.url);

/** What `deno run` is told on a task's command line, its permission set put in. */
interface Rights {
  read: string;
  write: string;
  net: string;
  run: string;
  native: string;
}

/** A permission set of deno.json. */
type Set = Readonly<Record<string, boolean | readonly string[] | object | undefined>>;

function shown(value: Set[string], all: string): string {
  if (value === undefined || value === false) return "–";
  return value === true ? all : (value as readonly string[]).map((one) => `\`${one}\``).join(", ");
}

function rightsOf(command: string): Rights {
  const name = /(?:^|\s)-P=(\w+)/.exec(command.replaceAll(/\$\([^)]*\)/g, ""))?.[1];
  const sets: Readonly<Record<string, Set>> = settings.permissions;
  const set: Set = name === undefined ? {} : sets[name];
  const flag = (right: string) => new RegExp(`--allow-${right}(?:=((?:\\$\\([^)]*\\)+|[^\\s"])*))?`).exec(command);
  const [write, run, ffi] = ["write", "run", "ffi"].map(flag);
  const programs = run?.[1]?.replace(/\$\(deno eval -p 'Deno.execPath\(\)'\)/, "deno").split(",");
  const net = set.net === undefined
    ? "–"
    : (set.net as readonly string[]).includes("huggingface.co")
    ? "the hub"
    : "this machine";
  return {
    read: shown(set.read, "everywhere"),
    write: write === null ? shown(set.write, "everywhere") : write[1] === undefined ? "everywhere" : "the cache folder",
    net,
    run: shown(programs ?? set.run, "every program"),
    native: ffi === null && set.ffi === undefined ? "–" : "yes",
  };
}

const WHOLE: Readonly<Record<string, string>> = run.tasks;

/** What a task's command line in deno.json comes to: a long one stands in tasks/run.json under the task's name. */
function wholeCommand(task: string, command: string): string {
  if (!command.startsWith("deno task ")) return command;
  assertEquals(command, `deno task -q -c tasks/run.json ${task}`);
  return WHOLE[task];
}

Deno.test("docs/security.md says what deno.json grants each task", async () => {
  const commands = Object.entries(settings.tasks).map(([task, { command }]) =>
    [task, wholeCommand(task, command)] as const
  );
  const expected = commands.map(([task, command]) => {
    const { read, write, net, run, native } = rightsOf(command);
    return [`\`${task}\``, read, write, net, run, native];
  });
  for (const [task, command] of commands) {
    assertMatch(command, /^(?:cd \.\. && )?deno run -q --no-prompt .*\.ts$/, task);
  }
  const long = Object.entries(settings.tasks).filter(([, { command }]) => command.startsWith("deno task "));
  assertEquals(Object.keys(WHOLE), long.map(([task]) => task), "tasks/run.json has no other task");
  const table = [["task", "reads", "writes", "network", "runs", "native code"], [
    "---",
    "---",
    "---",
    "---",
    "---",
    "---",
  ], ...expected];
  const document = await Deno.readTextFile(DOCUMENT);
  const lines = document.split("\n").filter((line) =>
    /^\| (?:task|-+|`[\w:]+`) .*\|$/.test(line) && line.split("|").length === 8
  );
  const cells = lines.map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim().replace(/^-+$/, "---")));
  assertEquals(cells, table, table.map((row) => `| ${row.join(" | ")} |`).join("\n"));
});
