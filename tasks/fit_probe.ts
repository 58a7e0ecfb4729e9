/** `deno task fit_probe`: fits the attention probe of a model, which policy attention_probe reads. */
import { encodeProbe, probePath } from "kvmirror/engine";
import { checkTaskName, fitAttentionProbe, splitNames, taskRows } from "kvmirror/eval";
import { writeAll, writeAtomic } from "../lib/files/write_atomic.ts";
import { parseFlags, usage } from "./cli/flags.ts";
import { MODEL_FLAGS, modelFromFlags } from "./cli/model_flags.ts";
import { createProgress, interruptSignal } from "./cli/progress.ts";
import { printJson, printText, runTask, UsageError } from "./cli/run_task.ts";

/** What the probe that comes with the project was fitted to. */
const TASKS = "niah_single_1,niah_single_3,niah_multikey_2,vt,cwe";

await runTask(async () => {
  const flags = parseFlags(Deno.args, {
    text: [...MODEL_FLAGS, "task", "output"],
    integer: ["length", "samples", "seed"],
    toggle: ["json"],
  });
  if (flags.positional.length > 0) {
    throw new UsageError(`Cannot use ${flags.positional[0]}: fit_probe takes flags only`);
  }
  const tasks = usage(() => splitNames(flags.text("task") ?? TASKS));
  usage(() => tasks.forEach(checkTaskName));
  const { length = 1024, samples = 8, seed = 9101 } = {
    length: flags.number("length"),
    samples: flags.number("samples"),
    seed: flags.number("seed"),
  };
  const signal = interruptSignal();
  await using model = await modelFromFlags(flags, signal);
  const rows = usage(() => tasks.flatMap((task) => taskRows(model.tokenizer, task, { length, samples, seed })));
  const progress = createProgress("contexts");
  const probe = await fitAttentionProbe(model, rows, { signal, onProgress: progress.update });
  progress.close();
  const path = flags.text("output") ?? probePath(model.hash);
  const notes = {
    model: model.origin.name,
    weights: model.origin.weights,
    sha256: model.hash,
    fitted: `deno task fit_probe --task ${tasks.join(",")} --length ${length} --samples ${samples} --seed ${seed}`,
  };
  if (flags.text("output") === undefined) Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  const bytes = encodeProbe(probe, model.createCache().shape, notes);
  await writeAtomic(path, (file) => writeAll(file, bytes));
  if (flags.toggle("json")) printJson({ ...notes, contexts: rows.length, path, bytes: bytes.length });
  else {printText(
      `attention probe of ${notes.model}, fitted to ${rows.length} contexts: ${path}, ${bytes.length} bytes`,
    );}
});
