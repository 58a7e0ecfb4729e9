/**
 * `deno task models [list|fetch NAME|verify NAME]`: which models there are, where from, and whether they are whole; which
 * families, rotations and tensor types run, and what of them was checked against PyTorch, and when.
 */
import {
  checkModelName,
  EMBEDDED_MODEL,
  KNOWN_MODELS,
  listEmbedded,
  listModels,
  type ModelListing,
  modelNamed,
  resolveModel,
  verifyEmbedded,
  verifyModel,
} from "kvmirror/engine";
import { SAFETENSORS_TYPES } from "../lib/engine/checkpoint/safetensors/hugging_face_checkpoint.ts";
import { TENSOR_FORMATS } from "../lib/engine/checkpoint/tensor_format.ts";
import { usage } from "./cli/flags.ts";
import { interruptSignal } from "./cli/interrupt.ts";
import { createFetchProgress } from "./cli/progress.ts";
import { printJson, printNotice, printText } from "./cli/print.ts";
import { runTask } from "./cli/run_task.ts";
import { UsageError } from "./cli/usage_error.ts";
import { lines } from "./cli/text_lines.ts";
import { familyMarkdown, familyText } from "./models/family_tables.ts";
import { CHECKED_CASES, ROTATIONS, runningFamilies } from "./models/running_families.ts";

/** GGUF's types of numbers. */
const GGUF_TYPES = Object.keys(TENSOR_FORMATS);

await runTask("models", async (flags) => {
  const [command = "list", name, ...rest] = flags.words;
  const json = flags.toggle("json");
  if (rest.length > 0) throw new UsageError(`Cannot use ${rest[0]}: one model at a time`);
  const markdown = flags.toggle("markdown");
  if (markdown && (json || command !== "list")) {
    throw new UsageError("Cannot use --markdown here: it prints the table of families that list has, and nothing else");
  }
  if (command === "list" && name === undefined) {
    return markdown ? printText(familyMarkdown(runningFamilies())) : list(json);
  }
  if (name === undefined || (command !== "fetch" && command !== "verify")) {
    throw new UsageError(`Cannot run models ${flags.words.join(" ")}: use list, fetch NAME or verify NAME`);
  }
  usage(() => checkModelName(name));
  if (command === "fetch") return await fetch(name, json);
  verify(name, json);
});

function list(json: boolean): void {
  const models = [...listModels(), listEmbedded()];
  const families = runningFamilies();
  if (json) {
    return printJson({
      models: models.map(row),
      families: families.map(({ gguf = null, ...family }) => ({ ...family, gguf })),
      rotations: ROTATIONS,
      tensor_types: { safetensors: SAFETENSORS_TYPES, gguf: GGUF_TYPES },
    });
  }
  for (const { name, path, source, license, bytes, verifiable } of models) {
    const here = path === undefined ? "not here" : verifiable ? "here" : "here, no hash of it is known";
    printText(`${name}: ${here}, ${megabytes(bytes)}, ${license}`);
    if (path !== undefined) printText(`  ${path}`);
    printText(`  ${lines(`from ${source}`, 2)}`);
  }
  printText(`\n${familyText(families)}\n`);
  for (const text of legend()) printText(lines(text));
}

/** What the words of the tables mean, and what holds for all families. */
function legend(): string[] {
  const versions = CHECKED_CASES.map(({ torch, transformers }) => `torch ${torch} and transformers ${transformers}`);
  return [
    "checked: the tests hold logits, greedy tokens and evictions of a small random checkpoint to those of " +
    `${[...new Set(versions)].join(", ")}, made on the date. runs: no such checkpoint of this family. as set: as the ` +
    "configuration says. goldens: Hugging Face folders + GGUF files. dynamic: up to the trained length.",
    `tensor types: safetensors ${SAFETENSORS_TYPES.join(" ")}; GGUF ${GGUF_TYPES.join(" ")}`,
  ];
}

async function fetch(name: string, json: boolean): Promise<void> {
  const fetching = createFetchProgress(`fetching ${name}`);
  const signal = await interruptSignal();
  const found = await resolveModel(name, {
    signal,
    onNotice: printNotice,
    onProgress: fetching.onProgress,
  });
  fetching.close();
  if (json) return printJson({ name: found.name, path: found.path, source: found.source });
  printText(`${found.name}, from ${found.source}: ${found.path}`);
}

function verify(name: string, json: boolean): void {
  const model = modelNamed(name);
  if (model === undefined && name !== EMBEDDED_MODEL.name) {
    const names = [...KNOWN_MODELS, EMBEDDED_MODEL].map((known) => known.name).join(", ");
    throw new UsageError(
      `Cannot verify ${name} as no hash of it is known: the models with one are ${names}, and hub:OWNER/NAME`,
    );
  }
  const files = model === undefined ? verifyEmbedded() : verifyModel(model);
  const wrong = files.filter(({ expected, actual }) => expected !== actual);
  if (json) printJson({ name, verified: wrong.length === 0, files });
  else {for (const { path, expected, actual } of files) {
      printText(`${expected === actual ? "whole" : "WRONG"} ${actual} ${path}`);
    }}
  if (wrong.length === 0) return;
  const [{ path, expected, actual }] = wrong;
  throw new Error(
    `Cannot trust ${path} as its hash is ${actual} where ${expected} is known: delete it, fetch it again`,
  );
}

function row({ name, path, source, license, bytes, verifiable }: ModelListing): Record<string, unknown> {
  return { name, present: path !== undefined, path: path ?? null, source, license, bytes, verifiable };
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
