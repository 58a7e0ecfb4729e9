/**
 * `deno task fuzz [--seconds N | --inputs N] [--seed S] [--reader NAME] [--output FOLDER]`: gives every reader malformed
 * inputs, prints a table of what they came to, and keeps the inputs that show a fault. `deno task fuzz --kills N [--seed S]`
 * kills N runs of tasks at any moment and runs them again.
 */
import { printNotice, printText } from "../../tasks/cli/print.ts";
import { runTask } from "../../tasks/cli/run_task.ts";
import { UsageError } from "../../tasks/cli/usage_error.ts";
import { type Faults, Fuzzer, join, type Row, table } from "./fuzz.ts";
import { runKills } from "./kills.ts";
import { Draws } from "./mutate.ts";
import { READERS } from "./readers.ts";

/** Inputs of a reader where neither time nor number is given. */
const INPUTS = 30_000;
/** Inputs that are run between two looks at the clock. */
const CHUNK = 500;

let failed = false;
await runTask("fuzz", async (flags) => {
  const seed = flags.number("seed")!;
  const kills = flags.number("kills");
  if (kills !== undefined) {
    const killed = await runKills(kills, seed, ({ scenario, at, faults }) => {
      printText(`${scenario}, killed after ${at} ms: ${faults.length === 0 ? "as if nobody had" : faults.join("; ")}`);
    });
    const wrong = killed.filter(({ faults }) => faults.length > 0).length;
    printText(
      `${killed.length - wrong} of ${killed.length} killed runs ended with the same bytes and nothing left over`,
    );
    failed = wrong > 0;
    return;
  }
  const seconds = flags.number("seconds");
  const limit = flags.number("inputs") ?? (seconds === undefined ? INPUTS : Infinity);
  const only = flags.text("reader");
  const readers = READERS.filter(({ name }) => only === undefined || name === only);
  if (readers.length === 0) {
    throw new UsageError(`Cannot fuzz ${only}: the readers are ${READERS.map(({ name }) => name).join("; ")}`);
  }
  const output = flags.text("output") ?? await Deno.makeTempDir({ prefix: "kvmirror-fuzz-kept-" });
  using fuzzer = new Fuzzer();
  const rows: Row[] = [];
  for (const { name, mutate } of readers) {
    const end = seconds === undefined ? Infinity : performance.now() + 1000 * seconds / readers.length;
    const parts: Faults[] = [];
    let from = 0;
    while (from < limit && performance.now() < end) {
      const to = Math.min(limit, from + CHUNK);
      parts.push(await fuzzer.run(name, seed, from, to));
      from = to;
    }
    const row = { reader: name, inputs: from, ...join(parts) };
    rows.push(row);
    for (const { input, outcome, message } of row.faults) {
      const folder = `${output}/${name.replaceAll(/[^\w.]+/g, "_")}`;
      await Deno.mkdir(folder, { recursive: true });
      await Deno.writeFile(`${folder}/${input}.${outcome}`, mutate(new Draws(`${seed} ${name} ${input}`)));
      await Deno.writeTextFile(`${folder}/${input}.txt`, `${outcome}: ${message}\n`);
    }
    if (row.faults.length > 0) printNotice(`${name}: ${row.faults.length} faults`);
  }
  printText(table(rows));
  failed = rows.some(({ faults }) => faults.length > 0);
  if (failed) printNotice(`inputs that show a fault are in ${output}`);
});
if (failed) Deno.exit(1);
