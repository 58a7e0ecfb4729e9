/** `deno task ok`: the one gate. Every step runs, the first that fails stops it. */
import { printNotice, runTask } from "./cli.ts";

const ENTRIES = ["lib/mod.ts", "lib/policies/mod.ts", "lib/engine/mod.ts", "lib/report/mod.ts"];

const STEPS: readonly (readonly string[])[] = [
  ["fmt", "--check", "--quiet"],
  ["lint", "--quiet"],
  ["check", "--quiet", "lib/", "tasks/", "tests/"],
  ["doc", "--lint", ...ENTRIES],
  ["task", "--quiet", "test"],
];

await runTask(async () => {
  for (const args of STEPS) {
    printNotice(`deno ${args.join(" ")}`);
    const status = await new Deno.Command(Deno.execPath(), { args: [...args], stdin: "null" }).spawn().status;
    if (!status.success) throw new Error(`deno ${args[0]} found something: fix it, or run deno fmt for the format`);
  }
});
