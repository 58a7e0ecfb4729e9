import type { Activation, DecoderTraits, ModelConfig, Multipliers } from "../checkpoint.ts";
import type { Settings, SettingValues } from "./settings.ts";

/**
 * One family of models: how each container writes it, and what sets it apart from Llama. A new family is one more record
 * in `families.ts`: no other code asks for a family's name.
 */
export interface Family {
  /** Published models of it, for lists. */
  readonly models: string;
  /** The family in Hugging Face's folders. */
  readonly huggingFace: HuggingFaceForm;
  /** The family in GGUF files; absent where llama.cpp has no name for it. */
  readonly gguf?: GgufForm;
  /** The weights, and when a model has them. */
  readonly tensors: FamilyTensors;
  /** The gated network's activation where a container is silent; `silu` where this is too. */
  readonly activation?: Activation;
  /** Where the norms stand; `before` each sublayer, as in Llama, where it is silent. */
  readonly norms?: DecoderTraits["norms"];
  /** What the norms of queries and keys go over; `none` where it is silent. */
  readonly queryKeyNorm?: DecoderTraits["queryKeyNorm"];
  /** The projections that have biases; none where it is silent. */
  biases?(settings: Settings): Partial<Biases>;
  /** Factors of the model's formulas; 1 where it is silent. */
  multipliers?(settings: Settings, sizes: Sizes): Partial<Multipliers>;
  /** Whether a layer has a window, where no list of layers says so; without it, no layer may have one. */
  slides?(settings: Settings, layer: number): boolean;
  /** Whether a layer turns no position into its keys (NoPE, https://arxiv.org/abs/2305.19466). */
  ropeless?(settings: Settings, layer: number): boolean;
  /** Present where only some dimensions of a head may turn. */
  readonly partialRotary?: true;
  /** The settings that the family has and not every family; the others are refused where they would change something. */
  readonly has?: readonly OwnSetting[];
  /** Settings that would change what the model computes, each with the only value that runs. */
  readonly only?: SettingValues;
}

/** Settings that some families have. */
export type OwnSetting = keyof typeof OWN_SETTINGS;

/** Settings that some families have, each with the value that changes nothing; undefined: each value would. */
export const OWN_SETTINGS = {
  attentionBias: false,
  attentionOutputBias: false,
  mlpBias: false,
  embeddingMultiplier: 1,
  residualMultiplier: 1,
  attentionMultiplier: undefined,
  logitsDivisor: 1,
  queryScalar: undefined,
  scoreCap: 0,
  logitCap: 0,
  ropelessLayers: undefined,
  ropelessInterval: undefined,
  slidingPattern: undefined,
  layerTypes: undefined,
} as const;

/** Sizes that a family's formulas take. */
export type Sizes = Pick<ModelConfig, "hiddenSize" | "numAttentionHeads" | "headDim" | "numHiddenLayers">;

/** The projections with biases. */
export type Biases = Pick<DecoderTraits, "attentionBias" | "attentionOutputBias" | "mlpBias">;

/** A family as transformers has it. */
export interface HuggingFaceForm extends ContainerForm {
  /** `model_type` of config.json. */
  readonly modelType: string;
  /** The class that config.json's `architectures` names. */
  readonly className: string;
  /** Values that transformers takes where config.json is silent and families differ. */
  readonly defaults: SettingValues;
  /** Other names of kinds of rotary scaling. */
  readonly ropeTypes?: Readonly<Record<string, string>>;
  /** The length before rotary scaling where config.json is silent, whatever its object of rotary scaling says. */
  readonly originalLength?: number;
  /** Base of the rotary frequencies where config.json is silent; 10,000 without it. */
  readonly ropeTheta?: number;
}

/** A family as llama.cpp has it. Its metadata mean the same in every family. */
export interface GgufForm extends ContainerForm {
  /** `general.architecture`. */
  readonly architecture: string;
  /** What llama.cpp takes for granted of the family, and files do not say. */
  assumed?(sizes: Sizes): SettingValues;
}

/** A family in either container. */
export interface ContainerForm {
  /** Base of the rotary frequencies of layers with a window, whose embedding is then not scaled; else as all layers. */
  readonly slidingTheta?: number;
  /** Puts a tensor's rows in the order that the graph takes. */
  readonly rows?: RowOrder;
  /** What norms add to their weights: 1 in Gemma's folders. */
  readonly normOffset?: number;
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

/** The tensors of a family. */
export interface FamilyTensors {
  /** Tensors of the model as a whole. */
  readonly model: readonly FamilyTensor[];
  /** Tensors of each layer: behind `model.layers.<layer>.` in safetensors, behind `blk.<layer>.` in GGUF. */
  readonly layer: readonly FamilyTensor[];
  /** Tensors of a layer that hold several of `layer`'s, row after row. */
  readonly packed?: readonly PackedTensor[];
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

/** One tensor that is stored with the rows of several. */
export interface PackedTensor {
  /** Hugging Face's name, without the layer. */
  readonly name: string;
  /** llama.cpp's name, without the layer. */
  readonly gguf: string;
  /** Names of the parts, in the order of their rows. */
  readonly parts: readonly string[];
}

/** The widths that make up shapes; `queries` and `keys` count the numbers of all heads together. */
export type Width = "vocab" | "hidden" | "intermediate" | "queries" | "keys" | "head";
