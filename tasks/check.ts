/** `deno task check`: the gate without the tests. */
import { runTask } from "./cli/run_task.ts";

/** Entry points, whose documentation is checked. */
const DOORS = ["lib/mod.ts", "lib/policies/mod.ts", "lib/engine/mod.ts", "lib/eval/mod.ts", "lib/report/mod.ts"];

/** What has to be right, one after the other, as Deno is called. */
const STEPS = [
  ["fmt", "--check", "--quiet"],
  ["lint", "--quiet"],
  ["check", "--quiet", "lib/", "tasks/", "tests/"],
  ["run", "-q", "--no-prompt", "-P=check", `--allow-run=${Deno.execPath()}`, "tasks/check_notebooks.ts"],
  ["doc", "--quiet", "--lint", ...DOORS],
  ["publish", "--quiet", "--dry-run", "--allow-dirty"],
];

await runTask("check", async () => {
  for (const args of STEPS) {
    const { success } = await new Deno.Command(Deno.execPath(), { args, stdin: "null" }).spawn().status;
    if (!success) throw new Error(`Cannot accept this work tree: deno ${args.join(" ")} says why`);
  }
});
