/** `deno task bench`: times this engine and its peers, each in a process of its own, in turns. */
import { resolve } from "node:path";
import { checkModelName, readCheckpoint, type ResolvedModel, resolveModel } from "kvmirror/engine";
import { describeRow } from "./bench/describe_row.ts";
import { type BenchPlan, measureInTurns } from "./bench/measure_in_turns.ts";
import { startSystem, type SystemProcess } from "./bench/system_process.ts";
import { parseFlags, printJson, printNotice, printText, runTask, usage, UsageError, writeAll } from "./cli.ts";
import { createProgress } from "./progress.ts";
import { runFacts } from "./run_record.ts";
import { writeWhole } from "../lib/engine/write_whole.ts";

/** Each system and its worker. This project's comes first: its rows lead every table. */
const WORKERS = {
  "kvmirror": "kvmirror_worker.ts",
  "transformers.js": "transformers_js_worker.ts",
} as const;

await runTask(async () => {
  const flags = parseFlags(Deno.args, {
    text: ["model", "contexts", "rounds", "tokens", "systems", "output"],
    toggle: ["json"],
  });
  if (flags.positional.length > 0) throw new UsageError(`Cannot use ${flags.positional[0]}: every setting is a flag`);
  const plan: BenchPlan = {
    contexts: listOf(flags.text("contexts") ?? "64,1024,4096").map((text) => wholeNumber("contexts", text, 16)),
    rounds: wholeNumber("rounds", flags.text("rounds") ?? "5"),
    tokens: wholeNumber("tokens", flags.text("tokens") ?? "24"),
  };
  const systems = listOf(flags.text("systems") ?? Object.keys(WORKERS).join(",")).map(systemNamed);
  const name = flags.text("model") ?? "auto";
  usage(() => checkModelName(name));
  const fetching = createProgress("fetching");
  const model = await resolveModel(name, { onProgress: ({ received, total }) => fetching.update(received, total) });
  fetching.close();
  printNotice(`model ${model.name}, from ${model.source}`);
  await checkContext(model, plan);

  await using stack = new AsyncDisposableStack();
  const processes: SystemProcess[] = [];
  for (const system of systems) {
    const process = stack.use(await startSystem(system, WORKERS[system], [resolve(model.path)]));
    printNotice(`${system} ${process.facts.version}`);
    processes.push(process);
  }
  const rows = await measureInTurns(processes, plan);
  const output = flags.text("output");
  if (output !== undefined) {
    const facts = await runFacts(["deno task bench", ...Deno.args].join(" "), model);
    const versions = Object.fromEntries(processes.map(({ system, facts }) => [system, facts.version]));
    const report = { ...facts, date: new Date().toISOString(), systems: versions, rows };
    await writeWhole(resolve(output), (file) => writeAll(file, `${JSON.stringify(report, null, 2)}\n`));
  }
  if (flags.toggle("json")) printJson(rows);
  else for (const row of rows) printText(describeRow(row, rows));
});

function listOf(text: string): string[] {
  return text.split(",").map((part) => part.trim());
}

function systemNamed(name: string): keyof typeof WORKERS {
  if (Object.hasOwn(WORKERS, name)) return name as keyof typeof WORKERS;
  throw new UsageError(`Cannot measure ${name}: the systems are ${Object.keys(WORKERS).join(", ")}`);
}

function wholeNumber(flag: string, text: string, least = 1): number {
  const value = Number(text);
  if (text !== "" && Number.isSafeInteger(value) && value >= least) return value;
  throw new UsageError(`Cannot use --${flag} ${text} as it must be a whole number of at least ${least}`);
}

/** Refuses a text that the model has no room for, with what is generated after it: once with all rows, thrice evicted. */
async function checkContext({ path }: ResolvedModel, { contexts, tokens }: BenchPlan): Promise<void> {
  using checkpoint = await readCheckpoint(path);
  const limit = checkpoint.config.maxPositionEmbeddings;
  const longest = Math.max(...contexts);
  if (longest + 4 * (tokens + 1) <= limit) return;
  throw new UsageError(
    `Cannot time 4 × ${
      tokens + 1
    } tokens after ${longest} as the model's context is ${limit}: give --contexts below it`,
  );
}
