import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { POLICIES } from "kvmirror/policies";
import { parseCacheDtype, WEIGHT_FORMATS } from "kvmirror/engine";
import { positionsFromFlags } from "../../tasks/cli/policy_flags.ts";
import { parseFlags } from "../../tasks/cli/flags.ts";
import { templateFromFlags, userTokensFromFlags } from "../../tasks/cli/model_flags.ts";
import { type TaskName, TASKS } from "../../tasks/cli/task_table.ts";
import { hasCommand } from "../fixtures/has_command.ts";
import { runTask } from "../fixtures/run_task.ts";
import { withFolder } from "../fixtures/with_folder.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Bash runs its function as it does at a press of the tab key; what fits is a line each. */
const BASH = `fit() { COMP_LINE=$1 COMP_POINT=\${#1} COMPREPLY=(); _kvmirror; printf '%s\\n' "\${COMPREPLY[@]}"; }`;

/** The builtins of zsh's line editor, without which its functions do not run outside of one. */
const ZSH = `compdef() { : }
compset() { local rest=\${PREFIX##$~2}; IPREFIX+=\${PREFIX%$rest} PREFIX=$rest }
compadd() { shift; local word; for word in "$@"; do [[ $word == $PREFIX* ]] && print -r -- $IPREFIX$word; done }
_files() { local path; for path in $PREFIX*(N); do [[ $1 != -/ || -d $path ]] && print -r -- $IPREFIX$path; done }
_describe() { local each; for each in \${(P)@[-1]}; do each=\${\${each//\\\\:/@}%%:*}; compadd -- \${each//@/:}; done }
fit() { words=(\${=1}); [[ $1 == *' ' ]] && words+=(''); CURRENT=$#words PREFIX=$words[-1] IPREFIX=; _kvmirror }`;

const FISH = "function fit; complete -C $argv[1] | string replace -r '\\t.*' ''; end";

const SHELLS = [
  { shell: "bash", options: ["--noprofile", "--norc"], setUp: BASH, source: (path: string) => `source ${path}` },
  { shell: "zsh", options: ["-f"], setUp: ZSH, source: (path: string) => `source ${path}` },
  { shell: "fish", options: ["--no-config"], setUp: FISH, source: (path: string) => `source ${path}` },
];

const NO_TASKS = { bash: [""], zsh: [], fish: [] };

/** What fits at the end of a line; in bash, after the last character that ends a word for its line editor. */
const CASES: readonly (readonly [line: string, fits: readonly string[], inBash?: readonly string[]])[] = [
  ["deno task ev", ["evaluate"]],
  ["deno task --quiet fit", ["fit_probe"]],
  ["deno task lab:", ["lab:check"], ["check"]],
  ["deno task generate --prompt", ["--prompt-file"]],
  ["deno task evaluate --json --po", ["--policy", "--positions"]],
  ["deno task generate --policy snap", ["snapkv"]],
  ["deno task evaluate --policy hybrid,data/samples/newest", ["hybrid,data/samples/newest_and_first.ts"]],
  ["deno task evaluate --policy hybrid,str", ["hybrid,streaming_llm"]],
  ["deno task generate --prompt-file data/samples/st", ["data/samples/story.txt"]],
  ["deno task evaluate --task vt,c", ["vt,code_functions", "vt,count_steps", "vt,cwe"]],
  ["deno task chat --model smol", ["smollm2-135m"]],
  ["deno task plan --model gemma-3-4", ["gemma-3-4b"]],
  ["deno task models fetch qwen2.5-c", ["qwen2.5-coder-0.5b"]],
  ["deno task completion z", ["zsh"]],
  ["deno task reproduce --profile qu", ["quick"]],
  ["deno task generate --compression-ratio x", []],
  ["deno task chat --json x", []],
];

for (const { shell, options, setUp, source } of SHELLS) {
  Deno.test({
    name: `${shell} completes tasks, flags, policies, models and files, and nothing outside the project`,
    ignore: !await hasCommand([shell, "--version"]),
    fn: async () => {
      const { code, stdout } = await runTask(["completion", shell]);
      assertEquals(code, 0);
      await withFolder(async (path, folder) => {
        await Deno.writeTextFile(path("script"), stdout);
        const fits = async (line: string, cwd: string) => {
          const script = `${setUp}\n${source(path("script"))}\nfit '${line}'\n`;
          await Deno.writeTextFile(path("run"), script);
          const process = new Deno.Command(shell, { args: [...options, path("run")], cwd, stderr: "piped" });
          const { stdout, stderr } = await process.output();
          assertEquals(new TextDecoder().decode(stderr), "", line);
          return new TextDecoder().decode(stdout).split("\n").slice(0, -1);
        };
        for (const [line, expected, inBash] of CASES) {
          const found = await fits(line, ROOT);
          const wanted = shell === "bash" ? inBash ?? expected : expected;
          assertEquals(found.filter((word) => word !== "").sort(), [...wanted].sort(), line);
        }
        assertEquals((await fits("deno task ", ROOT)).sort(), Object.keys(TASKS).sort());
        const names = Object.keys(TASKS.evaluate.flags).map((name) => `--${name}`);
        assertEquals((await fits("deno task evaluate --", ROOT)).sort(), [...names, "--help", "--version"].sort());
        const policies = await fits("deno task generate --policy ", `${ROOT}data/samples`);
        for (const name of Object.keys(POLICIES)) assert(policies.includes(name), name);
        assertEquals(await fits("deno task evaluate --ta", folder), NO_TASKS[shell as keyof typeof NO_TASKS]);
      });
    },
  });
}

Deno.test("bash goes on completing other projects as it did", async () => {
  const { stdout } = await runTask(["completion", "bash"]);
  const before = "_old() { COMPREPLY=(old); }; complete -F _old deno";
  const script = `${before}\n${stdout}\n${stdout}\n${BASH}\nfit 'deno r'\ncd /\nfit 'deno task e'\n`;
  const process = new Deno.Command("bash", { args: ["--noprofile", "--norc", "-c", script], cwd: ROOT });
  assertEquals(new TextDecoder().decode((await process.output()).stdout), "old\nold\n");
});

Deno.test("each choice that shells complete is one that its task takes", () => {
  const choices = (task: TaskName, flag: string) => TASKS[task].flags[flag].choices!;
  const flags = (task: TaskName, flag: string, choice: string) => parseFlags([`--${flag}=${choice}`], TASKS[task]);
  assertEquals([...choices("generate", "weights")].sort(), [...WEIGHT_FORMATS].sort());
  for (const choice of choices("generate", "cache-dtype")) parseCacheDtype(choice);
  for (const choice of choices("generate", "positions")) positionsFromFlags(flags("generate", "positions", choice));
  for (const choice of choices("generate", "template")) templateFromFlags(flags("generate", "template", choice));
  for (const choice of choices("chat", "special-tokens")) {
    userTokensFromFlags(flags("chat", "special-tokens", choice));
  }
});

Deno.test("a shell that is not known, none and two are one line and exit 2", async () => {
  for (
    const [args, message] of [
      [[], "Cannot complete for no shell: name one of bash, zsh, fish"],
      [["bsh"], 'Cannot find shell "bsh": did you mean bash? The shells are bash, zsh, fish'],
      [["bash", "zsh"], "Cannot complete for bash and zsh: name one shell"],
    ] as const
  ) {
    const { code, stdout, stderr } = await runTask(["completion", ...args]);
    assertEquals([code, stdout], [2, ""]);
    assertStringIncludes(stderr, `error: ${message}\n`);
  }
});
