import type { Checkpoint } from "kvmirror/engine";

/** The part of config.json that every peer which reads a Hugging Face folder wants: the decoder's sizes. */
export function decoderConfig({ config }: Checkpoint): Record<string, unknown> {
  return {
    model_type: config.architecture,
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.numHiddenLayers,
    num_attention_heads: config.numAttentionHeads,
    num_key_value_heads: config.numKeyValueHeads,
    head_dim: config.headDim,
    max_position_embeddings: config.maxPositionEmbeddings,
  };
}
