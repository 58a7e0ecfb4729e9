import {
  checkModelName,
  loadModel,
  type Model,
  type Template,
  TemplateArgumentError,
  type TemplateArguments,
  type TemplateValue,
  type UserTokens,
  WEIGHT_FORMATS,
  type WeightFormat,
} from "kvmirror/engine";
import { type Flags, usage } from "./flags.ts";
import { createFetchProgress, createProgress, type Progress } from "./progress.ts";
import { printNotice } from "./print.ts";
import { UsageError } from "./usage_error.ts";

/** Whether texts are a user's turn, as `--template` says. */
export function templateFromFlags(flags: Flags): Template {
  return oneOf(flags, "template", ["chat", "none"]);
}

/** What becomes of special tokens in the user's words, as `--special-tokens` says. */
export function userTokensFromFlags(flags: Flags): UserTokens {
  return oneOf(flags, "special-tokens", ["spelled", "recognized"]);
}

/** The value of a flag that has a default and takes some words; another one is a usage error. */
function oneOf<Word extends string>(flags: Flags, name: string, words: readonly Word[]): Word {
  const given = flags.text(name);
  const found = words.find((word) => word === given);
  if (found !== undefined) return found;
  throw new UsageError(`Cannot use --${name} ${given}: it is one of ${words.join(", ")}`);
}

/** Loads the model that `--model` and `--weights` name; says on stderr which it took. */
export async function modelFromFlags(flags: Flags, signal?: AbortSignal): Promise<Model> {
  return await modelOfWeights(flags, checkedWeights(flags.text("weights")!), signal);
}

/** The format of this name; another one is a usage error. */
export function checkedWeights(name: string): WeightFormat {
  const found = WEIGHT_FORMATS.find((format) => format === name);
  if (found !== undefined) return found;
  throw new UsageError(`Cannot hold weights as ${name}: the formats are ${WEIGHT_FORMATS.join(", ")}`);
}

/** Like {@linkcode modelFromFlags}, with weights that are named elsewhere. */
export async function modelOfWeights(
  flags: Flags,
  weights: WeightFormat,
  signal?: AbortSignal,
  threads?: number,
): Promise<Model> {
  const fetching = createFetchProgress();
  let building: Progress | undefined;
  let begun: number | undefined;
  const name = flags.text("model")!;
  usage(() => checkModelName(name));
  const model = await loadModel(name, {
    weights,
    threads,
    signal,
    templateArguments: templateArguments(flags.texts("template-arg")),
    onNotice: printNotice,
    onProgress: fetching.onProgress,
    onBuild: ({ written, total }) => {
      building ??= createProgress("building weights, MB");
      begun ??= written;
      building.update(Math.round(written / 1e6), Math.round(total / 1e6), begun / 1e6);
    },
  }).catch((error): never => {
    throw error instanceof TemplateArgumentError ? new UsageError(error.message) : error;
  });
  fetching.close();
  building?.close();
  const { origin } = model;
  printNotice(`model ${origin.name}, ${origin.weights} weights, from ${origin.source}`);
  return model;
}

/** Values of the chat template's variables: true, false, a number, or else a text. */
function templateArguments(given: readonly string[]): TemplateArguments {
  const values = new Map<string, TemplateValue>();
  for (const text of given) {
    const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(text) ?? [];
    if (name === undefined) {
      throw new UsageError(`Cannot use --template-arg ${text} as it must be name=value, such as enable_thinking=false`);
    }
    if (values.has(name)) throw new UsageError(`Cannot give the chat template ${name} twice: give it once`);
    values.set(name, templateValue(value));
  }
  return Object.fromEntries(values);
}

function templateValue(text: string): TemplateValue {
  if (text === "true" || text === "false") return text === "true";
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}
