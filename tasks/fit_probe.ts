/** `deno task fit_probe`: fits the attention probe of a model, which policy attention_probe reads. */
import { encodeProbe, probePath } from "kvmirror/engine";
import { checkTaskName, fitAttentionProbe, splitNames, taskRows } from "kvmirror/eval";
import { writeAll, writeAtomic } from "../lib/files/write_atomic.ts";
import { usage } from "./cli/flags.ts";
import { modelFromFlags } from "./cli/model_flags.ts";
import { interruptSignal } from "./cli/interrupt.ts";
import { createProgress } from "./cli/progress.ts";
import { printJson, printText } from "./cli/print.ts";
import { runTask } from "./cli/run_task.ts";

await runTask("fit_probe", async (flags) => {
  const tasks = usage(() => splitNames(flags.text("task")!));
  usage(() => tasks.forEach(checkTaskName));
  const [length, samples, seed] = ["length", "samples", "seed"].map((name) => flags.number(name)!);
  const signal = await interruptSignal();
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
