/** `deno task models [list|fetch NAME|verify NAME]`: which models there are, where from, and whether they are whole. */
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
import { parseFlags, usage } from "./cli/flags.ts";
import { createProgress, interruptSignal } from "./cli/progress.ts";
import { printJson, printNotice, printText, runTask, UsageError } from "./cli/run_task.ts";

await runTask(async () => {
  const flags = parseFlags(Deno.args, { toggle: ["json"] });
  const [command = "list", name, ...rest] = flags.positional;
  const json = flags.toggle("json");
  if (rest.length > 0) throw new UsageError(`Cannot use ${rest[0]}: one model at a time`);
  if (command === "list" && name === undefined) return list(json);
  if (name === undefined || (command !== "fetch" && command !== "verify")) {
    throw new UsageError(`Cannot run models ${flags.positional.join(" ")}: use list, fetch NAME or verify NAME`);
  }
  usage(() => checkModelName(name));
  if (command === "fetch") return await fetch(name, json);
  verify(name, json);
});

function list(json: boolean): void {
  const listing = [...listModels(), listEmbedded()];
  if (json) return printJson(listing.map(row));
  const width = Math.max(...listing.map(({ name }) => name.length));
  for (const { name, path, source, license, bytes, verifiable } of listing) {
    const here = path === undefined ? "not here" : verifiable ? "here" : "here, no hash of it is known";
    printText(
      `${name.padEnd(width)} ${here}, ${megabytes(bytes)}, ${license}, from ${source}${
        path === undefined ? "" : `: ${path}`
      }`,
    );
  }
}

async function fetch(name: string, json: boolean): Promise<void> {
  const progress = createProgress(`fetching ${name}`);
  const signal = interruptSignal();
  const found = await resolveModel(name, {
    signal,
    onNotice: printNotice,
    onProgress: ({ received, total }) => progress.update(received, total),
  });
  progress.close();
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
