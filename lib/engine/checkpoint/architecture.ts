import type { Architecture, ModelConfig, TensorInfo } from "./checkpoint.ts";

/** The architectures that can be read and run. */
export const ARCHITECTURES: readonly Architecture[] = ["llama", "qwen2"];

/** Throws a RangeError that names what is supported unless `name` is. */
export function checkArchitecture(name: string | undefined): Architecture {
  const found = ARCHITECTURES.find((architecture) => architecture === name);
  if (found !== undefined) return found;
  throw new RangeError(
    `Cannot run the architecture ${name ?? "(none named)"}: the supported ones are ${ARCHITECTURES.join(" and ")}`,
  );
}

/** Far above any model: the deepest known has 126 layers, the widest 53,248 and 262,144 tokens. */
const LIMITS = {
  numHiddenLayers: 1024,
  hiddenSize: 1 << 20,
  intermediateSize: 1 << 20,
  vocabSize: 1 << 22,
  numAttentionHeads: 1024,
  numKeyValueHeads: 1024,
  headDim: 1024,
  maxPositionEmbeddings: 1 << 24,
} as const;

/** Throws a SyntaxError unless the shape can be a model's: sizes in their limits, heads in whole groups. */
export function checkConfig(config: ModelConfig): ModelConfig {
  for (const [key, limit] of Object.entries(LIMITS) as [keyof typeof LIMITS, number][]) {
    if (config[key] < 1 || config[key] > limit) fail(`${key} must be in [1, ${limit}]`, config[key]);
  }
  const { numAttentionHeads, numKeyValueHeads, headDim, ropeTheta, rmsNormEps, eosTokenIds, vocabSize } = config;
  if (numAttentionHeads % numKeyValueHeads !== 0) {
    fail(`its ${numAttentionHeads} query heads must be a multiple of its kv heads`, numKeyValueHeads);
  }
  if (headDim % 2 !== 0) fail("headDim must be even, for rotary embedding", headDim);
  if (!(ropeTheta > 0)) fail("ropeTheta must be above 0", ropeTheta);
  if (!(rmsNormEps > 0)) fail("rmsNormEps must be above 0", rmsNormEps);
  for (const id of eosTokenIds) {
    if (id < 0 || id >= vocabSize) fail(`an end token must be in [0, ${vocabSize})`, id);
  }
  return config;
}

function fail(rule: string, value: number): never {
  throw new SyntaxError(`Cannot use the model's configuration as ${rule}: current value is ${value}`);
}

/** The tensors a model of this shape has, by Hugging Face's names, each with its shape. */
export function expectedTensors(config: ModelConfig): Map<string, readonly number[]> {
  const { hiddenSize, intermediateSize, vocabSize, headDim } = config;
  const queries = config.numAttentionHeads * headDim;
  const keys = config.numKeyValueHeads * headDim;
  const shapes = new Map<string, readonly number[]>([
    ["model.embed_tokens.weight", [vocabSize, hiddenSize]],
    ["model.norm.weight", [hiddenSize]],
  ]);
  if (!config.tieWordEmbeddings) shapes.set("lm_head.weight", [vocabSize, hiddenSize]);
  for (let index = 0; index < config.numHiddenLayers; index++) {
    const layer = `model.layers.${index}`;
    shapes.set(`${layer}.input_layernorm.weight`, [hiddenSize]);
    shapes.set(`${layer}.self_attn.q_proj.weight`, [queries, hiddenSize]);
    shapes.set(`${layer}.self_attn.k_proj.weight`, [keys, hiddenSize]);
    shapes.set(`${layer}.self_attn.v_proj.weight`, [keys, hiddenSize]);
    shapes.set(`${layer}.self_attn.o_proj.weight`, [hiddenSize, queries]);
    shapes.set(`${layer}.post_attention_layernorm.weight`, [hiddenSize]);
    shapes.set(`${layer}.mlp.gate_proj.weight`, [intermediateSize, hiddenSize]);
    shapes.set(`${layer}.mlp.up_proj.weight`, [intermediateSize, hiddenSize]);
    shapes.set(`${layer}.mlp.down_proj.weight`, [hiddenSize, intermediateSize]);
    if (config.architecture === "qwen2") {
      shapes.set(`${layer}.self_attn.q_proj.bias`, [queries]);
      shapes.set(`${layer}.self_attn.k_proj.bias`, [keys]);
      shapes.set(`${layer}.self_attn.v_proj.bias`, [keys]);
    }
  }
  return shapes;
}

/**
 * Checks that a checkpoint holds exactly the tensors its configuration asks for: one too many would be weights that
 * the model, run without them, silently misses.
 *
 * @throws {SyntaxError} naming the tensor that is missing, of another shape, or not of this architecture
 */
export function checkTensors(config: ModelConfig, tensors: ReadonlyMap<string, Pick<TensorInfo, "shape">>): void {
  const expected = expectedTensors(config);
  for (const [name, shape] of expected) {
    const found = tensors.get(name);
    if (found === undefined) {
      throw new SyntaxError(`Cannot use the checkpoint as the tensor ${name} is missing: it should be [${shape}]`);
    }
    if (found.shape.join() !== shape.join()) {
      throw new SyntaxError(
        `Cannot use the checkpoint as the tensor ${name} must be [${shape}]: current shape is [${found.shape}]`,
      );
    }
  }
  for (const name of tensors.keys()) {
    if (!expected.has(name)) {
      throw new SyntaxError(
        `Cannot use the checkpoint as its tensor ${name} is none of a ${config.architecture} model's ${expected.size}`,
      );
    }
  }
}
