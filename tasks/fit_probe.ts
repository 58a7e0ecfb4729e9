/** `deno task fit_probe`: fits what policy attention_probe, kvzap or qfilter reads of a model. */
import { basename } from "node:path";
import { encodeFitted, FITTED_POLICIES, fittedPath } from "kvmirror/engine";
import {
  checkNoOverlap,
  fitPolicy,
  type FittingSource,
  fittingTexts,
  FREE_TEXTS,
  parseDatasetRows,
  scoredTexts,
  splitNames,
} from "kvmirror/eval";
import { readText } from "../lib/files/text_file.ts";
import { writeAll, writeAtomic } from "../lib/files/write_atomic.ts";
import { checkWord } from "../lib/numeric/nearest_name.ts";
import { type Flags, requiredText, usage } from "./cli/flags.ts";
import { modelFromFlags } from "./cli/model_flags.ts";
import { interruptSignal } from "./cli/interrupt.ts";
import { createProgress } from "./cli/progress.ts";
import { printJson, printText } from "./cli/print.ts";
import { runTask } from "./cli/run_task.ts";

await runTask("fit_probe", async (flags) => {
  const [length, samples, seed] = ["length", "samples", "seed"].map((name) => flags.number(name)!);
  const named = flags.text("policy");
  usage(() => checkWord("policy", named, FITTED_POLICIES));
  const policy = FITTED_POLICIES.find((name) => name === named)!;
  const sources = usage(() => fittingSources(flags));
  const scored = flags.text("scored");
  const rows = scored === undefined ? [] : usage(() => parseDatasetRows(requiredText(flags, "scored"), scored));
  const signal = await interruptSignal();
  await using model = await modelFromFlags(flags, signal);
  const texts = usage(() => {
    const passages = fittingTexts(model.tokenizer, sources, { length, samples, seed });
    checkNoOverlap(passages, [...scoredTexts(), ...rows.flatMap(({ context, question }) => [context, question])]);
    return passages;
  });
  const progress = createProgress("texts");
  const { weights, shapes } = await fitPolicy(model, policy, texts, { signal, onProgress: progress.update });
  progress.close();
  const path = flags.text("output") ?? fittedPath(policy, model.hash);
  const given = ["text", "text-file"].filter((name) => flags.text(name) !== undefined);
  const origin = given.length === 0
    ? `--text ${FREE_TEXTS.join(",")}`
    : given.map((name) => `--${name} ${flags.text(name)}`).join(" ");
  const notes = {
    model: model.origin.name,
    weights: model.origin.weights,
    sha256: model.hash,
    fitted: `deno task fit_probe --policy ${policy} ${origin} --length ${length} --samples ${samples} --seed ${seed}`,
  };
  if (flags.text("output") === undefined) Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  const bytes = encodeFitted(weights, shapes, notes);
  await writeAtomic(path, (file) => writeAll(file, bytes));
  if (flags.toggle("json")) printJson({ policy, ...notes, texts: texts.length, path, bytes: bytes.length });
  else printText(`${policy} of ${notes.model}, fitted to ${texts.length} texts: ${path}, ${bytes.length} bytes`);
});

function fittingSources(flags: Flags): FittingSource[] {
  const [names, files] = ["text", "text-file"].map((name) => flags.text(name));
  const named = names === undefined ? (files === undefined ? FREE_TEXTS : []) : splitNames(names);
  const free = named.map(sourceOf);
  free.forEach(({ name }) => checkWord("text", name, FREE_TEXTS));
  const own = files === undefined ? [] : splitNames(files).map(sourceOf);
  // Passages are drawn by the name: the same file in another folder gives the same ones.
  return [...free, ...own.map(({ name, ...source }) => ({ ...source, name: basename(name), text: readText(name) }))];
}

/** `speeches=24` is 24 passages of speeches. */
function sourceOf(text: string): FittingSource {
  const [, name, samples] = /^(.*?)(?:=(\d+))?$/s.exec(text)!;
  return samples === undefined ? { name } : { name, samples: Number(samples) };
}
