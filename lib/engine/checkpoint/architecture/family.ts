import type { ModelConfig } from "../checkpoint.ts";
import type { Settings, SettingValues } from "./settings.ts";

/**
 * One family of models: how each container writes it, and how far the engine runs it. A new family is one more record in
 * `families.ts`: no other code asks for a family's name.
 */
export interface Family {
  /** The family in Hugging Face's folders. */
  readonly huggingFace: HuggingFaceForm;
  /** The family in GGUF files; absent where llama.cpp has no name for it. */
  readonly gguf?: GgufForm;
  /** The weights, and when a model has them. */
  readonly tensors: FamilyTensors;
  /** Activations of the gated network that run, by Hugging Face's names; the first is the family's own. */
  readonly activations: readonly Activation[];
  /** Kinds of rotary frequencies that run. */
  readonly rotary: readonly RotaryKind[];
  /** Whether the projections of queries, keys and values have biases. */
  readonly attentionBias: boolean;
  /** A step of every model of the family that the engine lacks, for the message that refuses them. */
  readonly lacks?: string;
  /** Settings that would change what the model computes, each with the only value that runs. */
  readonly only?: SettingValues;
}

/** Activations that the engine has. */
export type Activation = "silu";

/** `default`: each position rotates pair i of a head by ropeTheta^(−2i / head_dim). */
export type RotaryKind = "default";

/** A family as transformers has it. */
export interface HuggingFaceForm extends ContainerForm {
  /** `model_type` of config.json. */
  readonly modelType: string;
  /** The class that config.json's `architectures` names. */
  readonly className: string;
  /** Values that transformers takes where config.json is silent and families differ. */
  readonly defaults: SettingValues;
  /** The narrowest window of any layer, in tokens; 0 where every layer sees all. Absent: the family has none. */
  window?(settings: Settings): number;
}

/** A family as llama.cpp has it. Its metadata mean the same in every family. */
export interface GgufForm extends ContainerForm {
  /** `general.architecture`. */
  readonly architecture: string;
}

/** A family in either container. */
export interface ContainerForm {
  /** Puts a tensor's rows in the order that the graph takes. */
  readonly rows?: RowOrder;
  /** Brings a tensor's numbers into the form that the graph takes, as they are read. */
  readonly fold?: Fold;
}

/** What a tensor's rows are made of: numbers, or as they are stored whole numbers and scales. */
export type RowNumbers = Float32Array<ArrayBuffer> | Int8Array<ArrayBuffer>;

/**
 * Puts a tensor's rows in another order.
 *
 * @param name Hugging Face's name
 * @param numbers row-major; what is given back is in memory of its own where the order changes
 */
export type RowOrder = <Numbers extends RowNumbers>(name: string, numbers: Numbers, config: ModelConfig) => Numbers;

/**
 * Changes a tensor's numbers to those of the same model in the graph's form. Of a matrix that is stored in blocks it
 * changes the scales and mins, so that it may multiply a matrix and no more.
 *
 * @param name Hugging Face's name
 * @param values row-major, as the container has them; may be changed in place
 */
export type Fold = (name: string, values: Float32Array<ArrayBuffer>, config: ModelConfig) => Float32Array<ArrayBuffer>;

/** The tensors of a family. */
export interface FamilyTensors {
  /** Tensors of the model as a whole. */
  readonly model: readonly FamilyTensor[];
  /** Tensors of each layer: behind `model.layers.<layer>.` in safetensors, behind `blk.<layer>.` in GGUF. */
  readonly layer: readonly FamilyTensor[];
}

/** One tensor of a family. */
export interface FamilyTensor {
  /** Hugging Face's name, without the layer. */
  readonly name: string;
  /** llama.cpp's name, without the layer. */
  readonly gguf: string;
  /** Rows first. */
  readonly shape: readonly Width[];
  /** Whether a model has it; without it, every model of the family does. */
  when?(config: ModelConfig): boolean;
}

/** The widths that make up shapes; `queries` and `keys` count the numbers of all heads together. */
export type Width = "vocab" | "hidden" | "intermediate" | "queries" | "keys";
