import settings from "../../deno.json" with { type: "json" };
import type { FlagDefinition, TaskDefinition } from "./task_table.ts";
import { columns, lines } from "./text_lines.ts";

/** The flags that every task takes. */
const EVERYWHERE = [["--help", "print this"], ["--version", "print the version"]] as const;

/** What `--help` prints: what a task does, its flags with their values, defaults and meanings, and an example. */
export function helpText(task: TaskDefinition): string {
  const { description, example } = task;
  const rows = Object.entries(task.flags).map(([name, flag]) => [written(name, flag), meaning(flag)]);
  return [
    lines(`${description}.`),
    `  ${usageLine(task)}`,
    columns(["flag", "meaning"], [...rows, ...EVERYWHERE]),
    `example:\n  deno task ${example}`,
  ].join("\n\n");
}

/** What `--version` prints. */
export function versionText(): string {
  return `kvmirror ${settings.version}, Deno ${Deno.version.deno}`;
}

/** The tasks of the project in Markdown: `docs/cli.md`. */
export function cliMarkdown(tasks: readonly TaskDefinition[]): string {
  const sections = tasks.map((task) => {
    const flags = Object.entries(task.flags).map(([name, flag]) =>
      row([`\`${written(name, flag)}\``, byDefault(flag), flag.meaning])
    );
    return [
      `## ${task.name}`,
      `${task.description}.`,
      `\`\`\`sh\ndeno task ${task.example}\n\`\`\``,
      ...(task.words === undefined ? [] : [`It takes words as well: \`${task.words}\`.`]),
      ...(flags.length === 0
        ? []
        : [[row(["flag", "default", "meaning"]), row(["---", "---", "---"]), ...flags].join("\n")]),
    ].join("\n\n");
  });
  return `${[INTRODUCTION, ...sections].join("\n\n")}\n`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function byDefault(flag: FlagDefinition): string {
  if (flag.default !== undefined) return `\`${flag.default}\``;
  return flag.otherwise ?? (isRequired(flag) ? "required" : "off");
}

const INTRODUCTION = `# The command line

This file is made from the tables that the tasks parse their arguments by
([\`task_table.ts\`](../tasks/cli/task_table.ts)): \`deno run tasks/cli/print_docs.ts > docs/cli.md && deno fmt docs/cli.md\`
writes it, and a test holds it to them. Every task takes \`--help\` and \`--version\` as well. Exit codes stand in the
[README](../README.md#ways-in).`;

function usageLine({ name, words, flags }: TaskDefinition): string {
  const required = Object.entries(flags).filter(([, flag]) => isRequired(flag)).map(([name, flag]) =>
    written(name, flag)
  );
  const more = Object.keys(flags).length > required.length ? ["[flags]"] : [];
  return ["deno task", name, ...required, ...(words === undefined ? [] : [words]), ...more].join(" ");
}

function isRequired({ kind, default: value, otherwise }: FlagDefinition): boolean {
  return kind !== "switch" && value === undefined && otherwise === undefined;
}

function written(name: string, { value }: FlagDefinition): string {
  return value === undefined ? `--${name}` : `--${name} ${value}`;
}

function meaning(flag: FlagDefinition): string {
  const { default: value, otherwise } = flag;
  const without = value === undefined ? otherwise : String(value);
  const end = isRequired(flag) ? " (required)" : without === undefined ? "" : ` (default: ${without})`;
  return `${flag.meaning}${end}`;
}
