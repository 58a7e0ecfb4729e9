import type { ModelConfig, TensorInfo } from "./checkpoint.ts";

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
