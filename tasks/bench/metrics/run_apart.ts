/**
 * `run_apart.ts COMMAND ARGUMENTS…`: runs a program from a process that is small. Linux counts in a process's peak what the
 * one that started it had then, and the benchmark's own has more than what is to be measured.
 */
const [command, ...args] = Deno.args;
const { code } = await new Deno.Command(command, { args, stdin: "null", stdout: "inherit", stderr: "inherit" })
  .output();
Deno.exit(code);
