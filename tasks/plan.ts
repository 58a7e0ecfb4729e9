/** `deno task plan`: the sizes of a model's cache from its configuration alone, whether or not the engine runs it. */
import { type CacheLayout, cacheLayout, ggufCacheLayout } from "../lib/plan/cache_layout.ts";
import { type CachePlan, planCache, type PlannedDtype, type PlannedLayers } from "../lib/plan/cache_plan.ts";
import { PUBLISHED_MODELS, publishedModel } from "../lib/plan/published_models.ts";
import { readGgufMetadata } from "../lib/engine/checkpoint/gguf/read_gguf.ts";
import { EMBEDDED_MODEL, embeddedModel } from "../lib/engine/sources/embedded_model.ts";
import { fetchConfig } from "../lib/engine/sources/hub/fetch_config.ts";
import { findModel, modelNamed } from "../lib/engine/sources/resolve_model.ts";
import { openFileSource } from "../lib/files/byte_source.ts";
import { exists, isFolder } from "../lib/files/exists.ts";
import { parseJsonObject } from "../lib/files/json_object.ts";
import { bytes as inBinaryUnits, plain } from "../lib/report/table/number_format.ts";
import { byteSize, usage } from "./cli/flags.ts";
import { interruptSignal } from "./cli/interrupt.ts";
import { printJson, printNotice, printText } from "./cli/print.ts";
import { runTask } from "./cli/run_task.ts";
import { UsageError } from "./cli/usage_error.ts";

const DTYPES = ["f32", "f16", "int8", "int4"] as const;

/** A model's layout, and where it was read. */
interface Read {
  readonly layout: CacheLayout;
  readonly source: string;
}

await runTask("plan", async (flags) => {
  const model = flags.text("model");
  if (model === undefined) {
    throw new UsageError("Cannot plan without --model: give a path, hub:OWNER/NAME or a name, such as gemma-3-4b");
  }
  const context = flags.number("context");
  if (context === undefined) {
    throw new UsageError("Cannot plan without --context: give the tokens of your text, such as 32768");
  }
  const size = flags.text("budget");
  const budget = size === undefined ? undefined : byteSize("budget", size);
  const { layout, source } = await readLayout(model);
  const plan = usage(() => planCache(layout, { context, batch: flags.number("batch"), budget }));
  if (layout.trainedContext !== undefined && context > layout.trainedContext) {
    printNotice(`note: ${model} was trained for ${plain(layout.trainedContext)} tokens, ${plain(context)} are more`);
  }
  if (flags.toggle("json")) printJson({ model, source, ...plan });
  else printText(inWords(plan, model, source, layout.layers.length));
});

/** Reads a model's configuration where this machine has it, else its published sizes, else the hub's config.json. */
async function readLayout(model: string): Promise<Read> {
  const named = usage(() => modelNamed(model));
  const found = model === EMBEDDED_MODEL.name ? embeddedModel() : named && findModel(named);
  if (found !== undefined) return { layout: readPath(found.path), source: found.source };
  if (named !== undefined && model.startsWith("hub:")) {
    if (named.file !== undefined) {
      throw new UsageError(
        `Cannot read ${model} as it is not on this machine: run deno task models fetch ${model}, or name the repository ` +
          "that it was converted from",
      );
    }
    const config = await fetchConfig(named.repository, { signal: await interruptSignal() });
    const label = `${named.repository}/config.json`;
    return { layout: cacheLayout(parseJsonObject(config, label)), source: `the model hub (${label})` };
  }
  if (exists(model) && !PUBLISHED_MODELS.some(({ name }) => name === model)) {
    return { layout: readPath(model), source: `the path ${model}` };
  }
  if (/[\\/]|\.(gguf|json)$/.test(model)) {
    throw new UsageError(
      `Cannot open ${model} as there is no such file or folder: check the path, or write hub:OWNER/NAME`,
    );
  }
  const published = usage(() => publishedModel(model));
  return { layout: cacheLayout(published.config), source: published.source };
}

/** Reads a folder's config.json, a config.json by its path, or a GGUF file's metadata. */
function readPath(path: string): CacheLayout {
  const file = isFolder(path) ? `${path.replace(/[\\/]+$/, "")}/config.json` : path;
  if (!exists(file)) throw new UsageError(`Cannot read ${path} as the folder has no config.json: name one that has`);
  if (file.endsWith(".json")) return cacheLayout(parseJsonObject(Deno.readFileSync(file), file));
  using source = openFileSource(file);
  return ggufCacheLayout(readGgufMetadata(source));
}

function inWords(plan: CachePlan, model: string, source: string, layerCount: number): string {
  const { context, batch, trained_context, budget } = plan;
  const trained = trained_context === null ? "" : `, trained for ${plain(trained_context)} tokens`;
  const sequences = batch === 1 ? "" : ` × ${plain(batch)} sequences`;
  const perToken = plan.layers.filter(({ kv_heads }) => kv_heads > 0);
  const sections = [
    `${model}: ${plan.model_type}, ${layerCount} layers${trained}\nfrom ${source}`,
    columns(
      [`bytes that a token adds${sequences}`, "layers", ...DTYPES],
      perToken.map((row) => [kindText(row), plain(row.layers), ...cells(row.bytes_per_token, plain)]),
    ),
    columns([`${plain(context)} tokens${sequences}`, "layers", "rows a head", ...DTYPES], [
      ...plan.layers.map((
        row,
      ) => [
        kindText(row),
        plain(row.layers),
        row.kv_heads === 0 ? "" : plain(row.rows),
        ...cells(row.bytes, inBinaryUnits),
      ]),
      ["the whole cache", "", "", ...cells(plan.sizes[0].bytes, inBinaryUnits)],
    ]),
    columns(
      ["what a compression ratio leaves", ...DTYPES],
      plan.sizes.map(({ compression_ratio, bytes }) => [plain(compression_ratio), ...cells(bytes, inBinaryUnits)]),
    ),
    ...(budget === null ? [] : [columns(
      [`most tokens in ${inBinaryUnits(budget)}${sequences}, by compression ratio`, ...DTYPES],
      plan.longest_contexts.map(({ compression_ratio, tokens }) => [
        plain(compression_ratio),
        ...cells(tokens, (most) => most === null ? "any" : plain(most)),
      ]),
    )]),
    notes(plan).map((note) => `- ${note}`).join("\n"),
  ];
  return sections.join("\n\n");
}

/** What a layer keeps, in words: `sliding window of 1,024, 4 × (256 + 256)`. */
function kindText({ kind, row_limit, kv_heads, key_dim, value_dim }: PlannedLayers): string {
  const limit = row_limit === null ? "" : ` of ${plain(row_limit)}`;
  return kv_heads === 0 ? kind : `${kind}${limit}, ${kv_heads} × (${key_dim} + ${value_dim})`;
}

function cells<T>(values: Readonly<Record<PlannedDtype, T>>, format: (value: T) => string): string[] {
  return DTYPES.map((dtype) => format(values[dtype]));
}

/** Rows under a head, the first column flush left and the others flush right. */
function columns(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines.map((line) =>
    line.map((text, column) => column === 0 ? text.padEnd(widths[0]) : text.padStart(widths[column])).join("  ")
      .trimEnd()
  ).join("\n");
}

/** What a reader has to know of the figures, by what the model keeps. */
function notes({ layers, budget }: CachePlan): string[] {
  const kinds = new Set(layers.map(({ kind }) => kind));
  const fixed = (["linear attention", "state space", "convolution"] as const).filter((kind) => kinds.has(kind));
  const whole = kinds.has("full attention") || kinds.has("latent attention");
  return [
    "f32, int8 and int4 are this engine's rows: int8 and int4 with scales, the newest 32 rows of each head in float32. " +
    "f16 is 2 bytes a number. Weights and working memory come on top.",
    ...(budget === null ? [] : [
      "What a ratio leaves fits once rows are gone; a bound (--max-cache of other tasks) keeps to it while a text is read.",
    ]),
    ...(kinds.has("sliding window") || kinds.has("chunked attention")
      ? [
        `Windows and chunks hold no more rows than their tokens; ratios leave them${
          whole ? "" : ": here they save nothing"
        }.`,
      ]
      : []),
    ...(kinds.has("latent attention")
      ? [
        "Latent attention keeps (rotary key + latent) for all heads; a program that unpacks them, as transformers does, holds more.",
      ]
      : []),
    ...(kinds.has("shared rows") ? ["Layers of shared rows read an earlier layer's rows and keep none."] : []),
    ...(fixed.length > 0
      ? [`The state (${fixed.join(", ")}) has one size at every context and is counted in float32; ratios leave it.`]
      : []),
  ];
}
