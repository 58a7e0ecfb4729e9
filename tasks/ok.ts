/** `deno task ok`: the one gate. */
import { runTask } from "./cli/run_task.ts";

await runTask("ok", async () => {
  for (const task of ["check", "test"]) {
    const args = ["task", "--quiet", task];
    const { success } = await new Deno.Command(Deno.execPath(), { args, stdin: "null" }).spawn().status;
    if (!success) throw new Error(`Cannot accept this work tree: deno task ${task} says why`);
  }
});
