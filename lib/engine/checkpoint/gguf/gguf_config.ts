import { createFields, type Fields } from "../../../files/fields.ts";
import { checkArchitecture, checkConfig } from "../architecture.ts";
import type { ModelConfig } from "../checkpoint.ts";
import type { Gguf } from "./read_gguf.ts";

const EMBEDDING = "token_embd.weight";
const OUTPUT = "output.weight";
/** Per-frequency factors of Llama 3.1's rope scaling. */
const ROPE_FACTORS = "rope_freqs.weight";

/**
 * The model's shape, from a GGUF file's metadata.
 *
 * @throws {RangeError} if the file asks for what the engine does not do: another architecture, rope scaling, a sliding
 * window, experts, a file in parts
 * @throws {SyntaxError} if the metadata is malformed
 */
export function ggufConfig({ metadata, tensors }: Gguf): ModelConfig {
  const general = createFields((key) => metadata.get(key), "the GGUF metadata");
  const architecture = checkArchitecture(general.text("general.architecture"));
  const own = createFields((key) => metadata.get(`${architecture}.${key}`), `the GGUF metadata of ${architecture}`);
  const contextLength = own.integer("context_length");
  checkSupported(general, own, contextLength);
  if (tensors.has(ROPE_FACTORS)) unsupported(`it holds rope scaling factors (${ROPE_FACTORS})`, "no rope scaling");
  const embedding = tensors.get(EMBEDDING);
  if (embedding === undefined) throw new SyntaxError(`Cannot read GGUF as the tensor ${EMBEDDING} is missing`);
  const hiddenSize = own.integer("embedding_length");
  const numAttentionHeads = own.integer("attention.head_count");
  const headDim = own.integer("attention.key_length", hiddenSize / numAttentionHeads);
  const config = checkConfig({
    architecture,
    vocabSize: embedding.shape[0],
    hiddenSize,
    intermediateSize: own.integer("feed_forward_length"),
    numHiddenLayers: own.integer("block_count"),
    numAttentionHeads,
    numKeyValueHeads: own.integer("attention.head_count_kv", numAttentionHeads),
    headDim,
    maxPositionEmbeddings: contextLength,
    ropeTheta: own.number("rope.freq_base", 10_000),
    rmsNormEps: own.number("attention.layer_norm_rms_epsilon"),
    tieWordEmbeddings: !tensors.has(OUTPUT),
    eosTokenIds: endTokens(general),
  });
  for (const key of ["attention.value_length", "rope.dimension_count"]) {
    const length = own.integer(key, headDim);
    if (length !== headDim) unsupported(`${key} is ${length}`, `the head's ${headDim}`);
  }
  return config;
}

function checkSupported(general: Fields, own: Fields, contextLength: number): void {
  const parts = general.integer("split.count", 1);
  if (parts > 1) unsupported(`it is one of ${parts} parts`, "one file: join the parts with llama-gguf-split --merge");
  const scaling = own.text("rope.scaling.type") ?? "none";
  const factor = own.number("rope.scaling.factor", own.number("rope.scale_linear", 1));
  if (scaling !== "none" || factor !== 1) unsupported(`rope scaling is ${scaling}, factor ${factor}`, "none");
  const window = own.integer("attention.sliding_window", 0);
  if (window > 0 && window < contextLength) unsupported(`its sliding window is ${window}`, "none");
  const experts = own.integer("expert_count", 0);
  if (experts > 0) unsupported(`it has ${experts} experts`, "none");
}

function endTokens(general: Fields): number[] {
  const ids = ["eos", "eot"].flatMap((name) => general.integers(`tokenizer.ggml.${name}_token_id`));
  return [...new Set(ids)];
}

function unsupported(state: string, supported: string): never {
  throw new RangeError(`Cannot run this GGUF as ${state}: supported is ${supported}`);
}
