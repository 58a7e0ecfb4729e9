import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import { readCheckpoint } from "../checkpoint/read_checkpoint.ts";
import type { BuildProgress } from "../graph/model_files.ts";
import { builtDecoder } from "../graph/model_store.ts";
import { WEIGHT_FORMATS, type WeightFormat } from "../graph/weights.ts";
import type { CacheDtype } from "../rows/cache_dtype.ts";
import { fetchFitted } from "../observe/fitted_weights.ts";
import { DecoderPool } from "../runtime/decoder_pool.ts";
import { openSession } from "../runtime/decoder_session.ts";
import { knownIntegerProducts } from "../runtime/integer_products.ts";
import type { SessionOptions } from "../runtime/graph_session.ts";
import { EMBEDDED_MODEL } from "../sources/embedded_model.ts";
import { resolveModel } from "../sources/resolve_model.ts";
import type { FetchOptions } from "../sources/settings.ts";
import type { TemplateArguments } from "../tokenizer/template_variables.ts";
import { createTokenizer } from "../tokenizer/tokenizer.ts";
import { Model } from "./model.ts";

/** Options of {@linkcode loadModel}. */
export interface LoadOptions extends FetchOptions, SessionOptions {
  /** How weights are held: `int8` by default, which is all but exact; `file`: as the checkpoint stores them. */
  readonly weights?: WeightFormat;
  /** Called while the model's weights are built, the first time. `signal` ends that as well. */
  readonly onBuild?: (progress: BuildProgress) => void;
  /**
   * Values for variables of the chat template, wherever it is applied: `{ enable_thinking: false }`. A variable that the
   * template does not read is refused.
   */
  readonly templateArguments?: TemplateArguments;
  /**
   * Called with a sentence before a model of the hub is fetched, where a damaged build is made anew, and where the
   * tokenizer has ids that the model has no embedding of.
   */
  readonly onNotice?: (notice: string) => void;
}

const LOAD_OPTIONS: OptionNames<LoadOptions> = {
  weights: true,
  threads: true,
  profile: true,
  templateArguments: true,
  settings: true,
  signal: true,
  onProgress: true,
  onBuild: true,
  onNotice: true,
};

/**
 * Loads a model by name or path: finds or fetches the checkpoint, builds its decoder the first time, opens it.
 *
 * @param name `auto`, a known name (`smollm2-135m`, `qwen2.5-coder-0.5b`, `qwen2.5-0.5b`, `tiny`), `hub:OWNER/NAME` or
 * `hub:OWNER/NAME/FILE.gguf` for any repository of the hub, or the path of a GGUF file or a Hugging Face folder
 * @throws {RangeError} if the name is unknown, the weight format is, or no weights can be had
 * @throws {TemplateArgumentError} if the chat template does not read a variable that a value is given for
 * @throws {SyntaxError} if the checkpoint is damaged or of a kind that is not supported
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { loadModel } from "kvmirror/engine";
 *
 * await using model = await loadModel("tiny", { weights: "f32" });
 * assertEquals([model.origin.name, model.origin.weights, model.config.numHiddenLayers], ["tiny", "f32", 5]);
 * ```
 */
export async function loadModel(
  name: string,
  options: LoadOptions = {},
): Promise<Model> {
  checkOptions("loadModel", options, LOAD_OPTIONS);
  const { weights = "int8", threads, profile, onNotice, onBuild, templateArguments, ...resolve } = options;
  if (!WEIGHT_FORMATS.includes(weights)) {
    throw new RangeError(`Cannot hold weights as ${weights}: the formats are ${WEIGHT_FORMATS.join(", ")}`);
  }
  const resolved = await resolveModel(name, { ...resolve, onNotice });
  using checkpoint = await readCheckpoint(resolved.path);
  const tokenizer = createTokenizer(checkpoint.tokenizer, {
    eosTokenIds: checkpoint.config.eosTokenIds,
    templateArguments,
  });
  await fetchFitted(checkpoint.hash, resolve.signal);
  const { vocabSize } = checkpoint.config;
  if (tokenizer.vocabSize > vocabSize) {
    onNotice?.(
      `the tokenizer has ${tokenizer.vocabSize} ids and the model an embedding of ${vocabSize}: a text with a token ` +
        `from ${vocabSize} on, such as ${JSON.stringify(tokenizer.tokenText(vocabSize))}, will be refused`,
    );
  }
  const build = await builtDecoder(checkpoint, weights, { onNotice, onProgress: onBuild, signal: resolve.signal });
  const { config } = checkpoint;
  const opening = { threads, profile, products: weights === "int8" ? await knownIntegerProducts() : undefined };
  const open = async (cacheDtype?: CacheDtype) => openSession(await build.graphPath(cacheDtype), config, opening);
  const sessions = new DecoderPool(await open(), open);
  const { name: known, source } = resolved;
  const label = known === EMBEDDED_MODEL.name ? `${known}, the embedded model` : known;
  return new Model({ name: known, label, source, weights, build: build.hash }, checkpoint, tokenizer, sessions);
}
